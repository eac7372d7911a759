from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


def recount(apps, schema_editor):
    from requests311.map.counts import recount

    recount()


class Migration(migrations.Migration):
    """The map's indexes and first counts: minutes on a large table, while it is read and written as ever."""

    atomic = False

    dependencies = [('requests311', '0002_map')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(models.Func('location', function='requests311_cell_x', output_field=models.IntegerField()), models.Func('location', function='requests311_cell_y', output_field=models.IntegerField()), models.OrderBy(models.F('submitted_at'), descending=True), condition=models.Q(('visibility', 'public')), include=('service', 'status', 'id', 'number', 'location'), name='request_map_cell'),
        ),
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(fields=['submitted_at'], include=('visibility', 'service', 'status', 'location'), name='request_submitted'),
        ),
        migrations.RunPython(recount, migrations.RunPython.noop, elidable=True),
    ]
