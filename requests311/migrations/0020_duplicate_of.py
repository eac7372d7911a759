from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0019_event_of_batch')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(condition=models.Q(('duplicate_of__isnull', False)), fields=['duplicate_of'], name='request_duplicate_of'),
        ),
    ]
