from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    atomic = False

    dependencies = [
        ('requests311', '0005_request_history_kept'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='photo',
            index=models.Index(condition=models.Q(('request', None)), fields=['created_at'], name='photo_unreported'),
        ),
    ]
