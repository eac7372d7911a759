from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """The newest of a department in a status, without a sort; 0010 drops what this replaces."""

    atomic = False

    dependencies = [('requests311', '0008_service_status')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(fields=['department', 'status', '-id'], name='request_department_status'),
        ),
    ]
