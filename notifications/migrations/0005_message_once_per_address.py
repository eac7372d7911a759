from django.db import migrations, models


class Migration(migrations.Migration):
    # CREATE INDEX CONCURRENTLY holds nobody up and runs in no transaction; alone, so that nothing is half done.
    # Django has no operation for a unique one. The index is small: nothing has an address yet.
    atomic = False

    dependencies = [
        ('notifications', '0004_email'),
    ]

    operations = [
        migrations.RunSQL(
            """
            CREATE UNIQUE INDEX CONCURRENTLY "message_once_per_address" ON "notifications_message"
            ("address", "event_id", "kind") WHERE (NOT ("address" = ''))
            """,
            'DROP INDEX CONCURRENTLY IF EXISTS "message_once_per_address"',
            state_operations=[
                migrations.AddConstraint(
                    model_name='message',
                    constraint=models.UniqueConstraint(condition=models.Q(('address', ''), _negated=True), fields=('address', 'event_id', 'kind'), name='message_once_per_address'),
                ),
            ],
        ),
    ]
