from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The newest of a service in a status, without a sort; 0010 drops what this replaces."""

    atomic = False

    dependencies = [('requests311', '0007_fewer_indexes')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(fields=['service', 'status', '-id'], name='request_service_status'),
        ),
    ]
