from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0018_photo_rules_hold')]

    operations = [
        AddIndexConcurrently(
            model_name='event',
            index=models.Index(condition=models.Q(('announced_at', None), ('batch__isnull', False)), fields=['batch'], name='event_of_batch'),
        ),
    ]
