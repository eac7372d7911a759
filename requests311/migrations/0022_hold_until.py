from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0021_parent')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(condition=models.Q(('hold_until__isnull', False)), fields=['hold_until'], name='request_hold_until'),
        ),
    ]
