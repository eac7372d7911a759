from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    atomic = False

    dependencies = [
        ('accounts', '0001_initial'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='session',
            index=models.Index(condition=models.Q(('revoked_at__isnull', False)), fields=['revoked_at'], name='session_revoked_at'),
        ),
    ]
