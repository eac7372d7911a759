from django.db import migrations


class Migration(migrations.Migration):
    """The indexes that 0008 and 0009 replace."""

    dependencies = [('requests311', '0009_department_status')]

    operations = [
        migrations.RemoveIndex(model_name='servicerequest', name='request_service'),
        migrations.RemoveIndex(model_name='servicerequest', name='request_department'),
    ]
