import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Reads the whole table of requests without a lock that a report would wait for; may be run again if it broke off."""

    atomic = False

    dependencies = [
        ('requests311', '0003_assets'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.AlterField(
                    model_name='servicerequest',
                    name='asset',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='geo.asset'),
                ),
            ],
            database_operations=[
                migrations.RunSQL(
                    "ALTER TABLE requests311_servicerequest DROP CONSTRAINT IF EXISTS requests311_servicerequest_asset_fk",
                    migrations.RunSQL.noop,
                ),
                migrations.RunSQL(
                    "ALTER TABLE requests311_servicerequest ADD CONSTRAINT requests311_servicerequest_asset_fk"
                    " FOREIGN KEY (asset_id) REFERENCES geo_asset (id) DEFERRABLE INITIALLY DEFERRED NOT VALID",
                    "ALTER TABLE requests311_servicerequest DROP CONSTRAINT requests311_servicerequest_asset_fk",
                ),
                # Only this one reads the rows, and it lets them be written meanwhile.
                migrations.RunSQL(
                    "ALTER TABLE requests311_servicerequest VALIDATE CONSTRAINT requests311_servicerequest_asset_fk",
                    migrations.RunSQL.noop,
                ),
            ],
        ),
        migrations.RunSQL("DROP INDEX CONCURRENTLY IF EXISTS request_asset", migrations.RunSQL.noop),
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(condition=models.Q(('asset__isnull', False)), fields=['asset', '-id'], name='request_asset'),
        ),
    ]
