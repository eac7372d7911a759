from django.db import migrations


class Migration(migrations.Migration):
    # Reads the table once, for all three, while everybody works; alone, so that no other lock is held meanwhile.

    dependencies = [
        ('notifications', '0008_message_constraints_hold'),
    ]

    operations = [
        migrations.RunSQL(
            """
            ALTER TABLE "notifications_delivery" VALIDATE CONSTRAINT "delivery_channel_known",
            VALIDATE CONSTRAINT "delivery_push_has_device", VALIDATE CONSTRAINT "delivery_email_has_address"
            """,
            migrations.RunSQL.noop,
        ),
    ]
