from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    # Django has no operation for a unique one. The index is small: nothing has an address yet.
    atomic = False

    dependencies = [
        ('notifications', '0005_message_once_per_address'),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE UNIQUE INDEX CONCURRENTLY "delivery_once_per_address" ON "notifications_delivery"
            ("message_id", "address") WHERE (NOT ("address" = ''))
            """,
            'DROP INDEX CONCURRENTLY IF EXISTS "delivery_once_per_address"',
            state_operations=[
                migrations.AddConstraint(
                    model_name='delivery',
                    constraint=models.UniqueConstraint(condition=models.Q(('address', ''), _negated=True), fields=('message', 'address'), name='delivery_once_per_address'),
                ),
            ],
        ),
    ]
