from django.contrib.postgres.indexes import GistIndex
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0025_queue_priority')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=GistIndex(models.F('department'), models.Func('location', template='(%(expressions)s::geography)'), condition=models.Q(('status__in', ['submitted', 'acknowledged', 'assigned', 'in_progress', 'on_hold'])), name='request_queue_distance'),
        ),
    ]
