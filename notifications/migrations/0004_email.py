import django.db.models.deletion
from django.conf import settings
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    # The unique indexes are in the next migrations, one each; what is NOT VALID here is validated in the last two.

    dependencies = [
        ('notifications', '0003_message_age_of_sender'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Switch',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('topic', models.CharField(max_length=30)),
                ('channel', models.CharField(choices=[('push', 'Push'), ('email', 'Email')], max_length=10)),
                ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'verbose_name_plural': 'switches',
            },
        ),
        migrations.RemoveConstraint(
            model_name='delivery',
            name='delivery_channel_known',
        ),
        migrations.AddField(
            model_name='delivery',
            name='address',
            field=models.CharField(blank=True, db_default='', max_length=254),
        ),
        migrations.AddField(
            model_name='message',
            name='address',
            field=models.CharField(blank=True, db_default='', max_length=254),
        ),
        migrations.AddField(
            model_name='message',
            name='topic',
            field=models.CharField(blank=True, db_default='', max_length=30),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='channel',
            field=models.CharField(choices=[('push', 'Push'), ('email', 'Email')], default='push', max_length=10),
        ),
        # By hand, since Django would drop the foreign key and check every row for a new one.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'ALTER TABLE "notifications_delivery" ALTER COLUMN "device_id" DROP NOT NULL',
                    'ALTER TABLE "notifications_delivery" ALTER COLUMN "device_id" SET NOT NULL',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='delivery',
                    name='device',
                    field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='deliveries', to='notifications.device'),
                ),
            ],
        ),
        # By hand, since Django would drop the foreign key and check every row for a new one.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    'ALTER TABLE "notifications_message" ALTER COLUMN "recipient_id" DROP NOT NULL',
                    'ALTER TABLE "notifications_message" ALTER COLUMN "recipient_id" SET NOT NULL',
                ),
            ],
            state_operations=[
                migrations.AlterField(
                    model_name='message',
                    name='recipient',
                    field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
            ],
        ),
        AddConstraintNotValid(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('channel', 'push'), ('device__isnull', False)), models.Q(models.Q(('channel', 'push'), _negated=True), ('device__isnull', True)), _connector='OR'), name='delivery_push_has_device'),
        ),
        AddConstraintNotValid(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('channel', 'email'), models.Q(('address', ''), _negated=True)), models.Q(models.Q(('channel', 'email'), _negated=True), ('address', '')), _connector='OR'), name='delivery_email_has_address'),
        ),
        AddConstraintNotValid(
            model_name='delivery',
            constraint=models.CheckConstraint(condition=models.Q(('channel__in', ['push', 'email'])), name='delivery_channel_known'),
        ),
        AddConstraintNotValid(
            model_name='message',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('address', ''), ('recipient__isnull', False)), models.Q(('recipient__isnull', True), models.Q(('address', ''), _negated=True)), _connector='OR'), name='message_has_recipient_or_address'),
        ),
        migrations.AddConstraint(
            model_name='switch',
            constraint=models.UniqueConstraint(fields=('user', 'topic', 'channel'), name='switch_once'),
        ),
        migrations.AddConstraint(
            model_name='switch',
            constraint=models.CheckConstraint(condition=models.Q(('topic__in', ['assigned', 'mentioned', 'escalated', 'answered', 'reopened', 'handed_over', 'digest'])), name='switch_topic_is_known'),
        ),
        migrations.AddConstraint(
            model_name='switch',
            constraint=models.CheckConstraint(condition=models.Q(('channel__in', ['push', 'email'])), name='switch_channel_known'),
        ),
    ]
