from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("migrating", "0002_index")]

    operations = [
        # Another value for every row: PostgreSQL writes the whole table anew and holds it meanwhile.
        migrations.RunSQL("ALTER TABLE requests311_servicerequest ADD COLUMN slow text DEFAULT pg_sleep(60)::text"),
    ]
