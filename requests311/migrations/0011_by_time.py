from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    """Pages of what was submitted when, read in the index alone; 0012 drops what this replaces."""

    atomic = False

    dependencies = [('requests311', '0010_without_service_and_department')]

    operations = [
        AddIndexConcurrently(
            model_name='servicerequest',
            index=models.Index(
                fields=['submitted_at', 'id'],
                include=['visibility', 'jurisdiction', 'service', 'status', 'location'],
                name='request_by_time',
            ),
        ),
    ]
