from django.db import migrations

#: What `lock_timeout` was while it ran.
SEEN: list[str] = []


def look(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SHOW lock_timeout")
        SEEN.append(cursor.fetchone()[0])


class Migration(migrations.Migration):
    dependencies = [("requests311", "0001_initial")]

    operations = [
        migrations.RunPython(look, migrations.RunPython.noop),
        migrations.RunSQL(
            "ALTER TABLE requests311_servicerequest ADD COLUMN migrating text NULL",
            "ALTER TABLE requests311_servicerequest DROP COLUMN migrating",
        ),
    ]
