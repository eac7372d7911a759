import django.core.validators
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('requests311', '0003_assets_of_requests'),
    ]

    operations = [
        migrations.CreateModel(
            name='EventRemoval',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('at', models.DateTimeField()),
                ('role', models.CharField(max_length=63)),
                ('events', models.PositiveIntegerField()),
                ('first_at', models.DateTimeField()),
                ('last_at', models.DateTimeField()),
            ],
            options={
                'ordering': ['-pk'],
            },
        ),
        pgtrigger.migrations.RemoveTrigger(
            model_name='event',
            name='append_only',
        ),
        migrations.AddField(
            model_name='jurisdiction',
            name='keep_events_days',
            field=models.PositiveIntegerField(blank=True, help_text='Days after a request is closed when its history is removed; the request stays. Empty: for ever.', null=True, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(36500)]),
        ),
        migrations.AddField(
            model_name='jurisdiction',
            name='keep_messages_days',
            field=models.PositiveIntegerField(blank=True, default=365, help_text='Days after which a message and its deliveries are removed. Empty: for ever.', null=True, validators=[django.core.validators.MinValueValidator(30), django.core.validators.MaxValueValidator(36500)]),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='history_removed_at',
            field=models.DateTimeField(editable=False, null=True),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='event',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    IF TG_OP = 'DELETE' THEN\n                        IF coalesce(current_setting('requests311.retention', true), '') <> 'on' THEN\n                            RAISE EXCEPTION 'requests311_event is append-only: DELETE refused'\n                                USING ERRCODE = 'restrict_violation';\n                        END IF;\n                        RETURN OLD;\n                    END IF;\n                    IF to_jsonb(NEW) - 'announced_at' - 'actor_id' <> to_jsonb(OLD) - 'announced_at' - 'actor_id'\n                        OR (NEW.actor_id IS DISTINCT FROM OLD.actor_id AND NEW.actor_id IS NOT NULL)\n                    THEN\n                        RAISE EXCEPTION 'requests311_event is append-only: UPDATE refused'\n                            USING ERRCODE = 'restrict_violation';\n                    END IF;\n                    RETURN NEW;\n                ", hash='d80ede0b7821c8c9145d0dbd9e7b689f083935ab', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_8e081', table='requests311_event', when='BEFORE')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='event',
            trigger=pgtrigger.compiler.Trigger(name='removal_is_due', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n                    -- Whoever turned the setting on: only what the city's own period lets go.\n                    IF EXISTS (\n                        SELECT FROM (SELECT DISTINCT request_id FROM removed) gone\n                        LEFT JOIN requests311_servicerequest r ON r.id = gone.request_id\n                        LEFT JOIN requests311_jurisdiction j ON j.id = r.jurisdiction_id\n                        WHERE (r.closed_at < now() - make_interval(days => j.keep_events_days)) IS NOT TRUE\n                    ) THEN\n                        RAISE EXCEPTION 'requests311_event is append-only: DELETE refused'\n                            USING ERRCODE = 'restrict_violation',\n                            DETAIL = 'A request is open, or its jurisdiction keeps its history still.';\n                    END IF;\n                    INSERT INTO requests311_eventremoval (at, role, events, first_at, last_at)\n                    SELECT statement_timestamp(), session_user, count(*), min(removed.at), max(removed.at)\n                    FROM removed HAVING count(*) > 0;\n                    RETURN NULL;\n                ", hash='2111359047ec70b8a6e727843b414b6de03df299', level='STATEMENT', operation='DELETE', pgid='pgtrigger_removal_is_due_0729b', referencing='REFERENCING OLD TABLE AS removed ', table='requests311_event', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='jurisdiction',
            constraint=models.CheckConstraint(condition=models.Q(('keep_events_days', None), ('keep_events_days__range', (30, 36500)), _connector='OR'), name='jurisdiction_keeps_events_a_while'),
        ),
        migrations.AddConstraint(
            model_name='jurisdiction',
            constraint=models.CheckConstraint(condition=models.Q(('keep_messages_days', None), ('keep_messages_days__range', (30, 36500)), _connector='OR'), name='jurisdiction_keeps_messages_a_while'),
        ),
        migrations.AddConstraint(
            model_name='eventremoval',
            constraint=models.CheckConstraint(condition=models.Q(('events__gte', 1)), name='removal_has_events'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='eventremoval',
            trigger=pgtrigger.compiler.Trigger(name='append_only', sql=pgtrigger.compiler.UpsertTriggerSql(func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;", hash='b588a3e53dec68dec8c67c402cd9316c7153e20b', operation='UPDATE OR DELETE', pgid='pgtrigger_append_only_f58e8', table='requests311_eventremoval', when='BEFORE')),
        ),
    ]
