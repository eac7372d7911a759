import django.db.models.deletion
from django.db import migrations, models


def drop_index(name, definition):
    return migrations.RunSQL(f"DROP INDEX IF EXISTS {name}", f"CREATE INDEX IF NOT EXISTS {name} ON {definition}")


class Migration(migrations.Migration):
    """Indexes that no read takes, and that every report paid for.

    Dropped as such: for `db_index=False` Django would make each foreign key anew, and check every row.
    """

    dependencies = [
        ('requests311', '0006_photo_unreported'),
    ]

    operations = [
        migrations.RemoveIndex(model_name='servicerequest', name='request_areas'),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                drop_index('requests311_event_request_id_05abf389', 'requests311_event (request_id)'),
                drop_index(
                    'requests311_servicerequest_jurisdiction_id_1cc2c0bb', 'requests311_servicerequest (jurisdiction_id)'
                ),
                # Django's second index of a unique text, for LIKE; a number is only asked for whole.
                drop_index(
                    'requests311_servicerequest_number_8fbe053d_like',
                    'requests311_servicerequest (number varchar_pattern_ops)',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='event',
                    name='request',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='events', to='requests311.servicerequest'),
                ),
                migrations.AlterField(
                    model_name='servicerequest',
                    name='jurisdiction',
                    field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests311.jurisdiction'),
                ),
            ],
        ),
    ]
