from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    # Reads the table while everybody works; alone, so that no other lock is held meanwhile.

    dependencies = [
        ('notifications', '0007_delivery_due_email'),
    ]

    operations = [
        ValidateConstraint(model_name='message', name='message_has_recipient_or_address'),
    ]
