from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    atomic = False

    dependencies = [
        ('notifications', '0002_message_sender'),
    ]

    operations = [
        AddIndexConcurrently(
            model_name='message',
            index=models.Index(fields=['sender', 'created_at'], name='message_age_of_sender'),
        ),
    ]
