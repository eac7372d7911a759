from django.db import migrations


class Migration(migrations.Migration):
    """The index that 0011 replaces."""

    dependencies = [('requests311', '0011_by_time')]

    operations = [migrations.RemoveIndex(model_name='servicerequest', name='request_submitted')]
