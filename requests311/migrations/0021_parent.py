from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """By itself, since it is built while requests come in."""

    atomic = False

    dependencies = [('requests311', '0020_duplicate_of')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(condition=models.Q(('parent__isnull', False)), fields=['parent'], name='request_parent'),
        ),
    ]
