from django.db import migrations


def recount(apps, schema_editor):
    from requests311.map.counts import recount

    recount()


class Migration(migrations.Migration):
    """The map's first counts: minutes on a large table, which is read and written as ever meanwhile."""

    atomic = False

    dependencies = [
        ('requests311', '0002_map_submitted_index'),
    ]

    operations = [
        migrations.RunPython(recount, migrations.RunPython.noop, elidable=True),
    ]
