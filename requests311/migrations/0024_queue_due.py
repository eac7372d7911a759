from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0023_escalates')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(models.F('department'), models.Func('due_at', template="COALESCE(%(expressions)s, 'infinity'::timestamptz)"), models.F('id'), condition=models.Q(('status__in', ['submitted', 'acknowledged', 'assigned', 'in_progress', 'on_hold'])), include=('status', 'due_at', 'assignee', 'priority', 'service', 'team'), name='request_queue_due'),
        ),
    ]
