"""What is loaded already gets one version without dates, and its outlines.

A migration of its own, so that the locks of 0002 on the tables are gone before the work begins.
"""

from django.db import migrations


def adopt(apps, schema_editor):
    from geo import outlines, versions

    versions.adopt()
    for root_id, kind in outlines.kinds():
        outlines.draw(root_id, kind)


class Migration(migrations.Migration):
    dependencies = [("geo", "0002_area_versions")]

    operations = [migrations.RunPython(adopt, migrations.RunPython.noop, elidable=True)]
