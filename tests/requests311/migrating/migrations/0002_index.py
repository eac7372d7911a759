from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("migrating", "0001_column")]

    operations = [
        migrations.RunSQL(
            "CREATE INDEX CONCURRENTLY migrating_index ON requests311_servicerequest (migrating)",
            "DROP INDEX CONCURRENTLY IF EXISTS migrating_index",
        ),
    ]
