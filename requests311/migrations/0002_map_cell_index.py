from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    atomic = False

    dependencies = [
        ('requests311', '0002_map'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(models.Func('location', function='requests311_cell_x', output_field=models.IntegerField()), models.Func('location', function='requests311_cell_y', output_field=models.IntegerField()), models.OrderBy(models.F('submitted_at'), descending=True), condition=models.Q(('visibility', 'public')), include=('service', 'status', 'id', 'number', 'location'), name='request_map_cell'),
        ),
    ]
