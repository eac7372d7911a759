from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0024_queue_due')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(condition=models.Q(('status__in', ['submitted', 'acknowledged', 'assigned', 'in_progress', 'on_hold'])), fields=['department', 'priority', 'id'], name='request_queue_priority'),
        ),
    ]
