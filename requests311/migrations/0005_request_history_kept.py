from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    atomic = False

    dependencies = [
        ('requests311', '0004_retention'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(condition=models.Q(('closed_at__isnull', False), models.Q(('history_removed_at', None), ('history_removed_at__lt', models.F('closed_at')), _connector='OR')), fields=['jurisdiction', 'closed_at'], name='request_history_kept'),
        ),
    ]
