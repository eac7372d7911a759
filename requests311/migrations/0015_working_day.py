import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.utils.timezone
import pgtrigger.compiler
import pgtrigger.migrations
import uuid_utils.compat
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """The crew's and the dispatcher's working day: columns and tables; 0016 to 0026 add what needs care on a big table."""

    dependencies = [
        ('geo', '0005_addresses'),
        ('requests311', '0014_forwarding'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='EscalationStep',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('percent', models.PositiveSmallIntegerField(validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000)])),
                ('tells', models.CharField(choices=[('lead', 'Lead'), ('manager', 'Manager'), ('director', 'Director')], max_length=8)),
            ],
            options={
                'ordering': ['percent'],
            },
        ),
        migrations.CreateModel(
            name='Follower',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('supports', models.BooleanField(default=False, help_text='The same bothers them.')),
                ('since', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='Handover',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('email', models.EmailField(max_length=254)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('revoked_at', models.DateTimeField(null=True)),
                ('done_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Merge',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
                ('before', models.JSONField(default=dict)),
                ('photos', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('carried', django.contrib.postgres.fields.ArrayField(base_field=models.UUIDField(), default=list, size=None)),
                ('undone_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='Question',
            fields=[
                ('id', models.UUIDField(default=uuid_utils.compat.uuid7, editable=False, primary_key=True, serialize=False)),
                ('text', models.TextField()),
                ('asked_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('expires_at', models.DateTimeField()),
                ('state', models.CharField(choices=[('open', 'Open'), ('answered', 'Answered'), ('unanswered', 'Unanswered')], default='open', max_length=10)),
                ('answered_at', models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name='RejectionReason',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=40)),
                ('text', models.CharField(help_text="The sentence, in the jurisdiction's first language.", max_length=500)),
                ('translations', models.JSONField(blank=True, default=dict, help_text='By language: {"es": "No es de la ciudad."}')),
                ('names_responsible', models.BooleanField(default=False, help_text='The resident is told who is responsible instead, here or with each rejection.')),
                ('responsible', models.CharField(blank=True, help_text='Who it is, where it is always the same.', max_length=200)),
                ('contact', models.CharField(blank=True, help_text='A phone number or an e-mail address.', max_length=200)),
                ('link', models.URLField(blank=True, max_length=300)),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ['code'],
            },
        ),
        migrations.CreateModel(
            name='SyncedOperation',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('operation', models.CharField(max_length=64)),
                ('fingerprint', models.CharField(max_length=64)),
                ('result', models.JSONField()),
                ('at', models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('code', models.SlugField(max_length=60)),
                ('name', models.CharField(max_length=120)),
                ('active', models.BooleanField(default=True)),
            ],
            options={
                'ordering': ['code'],
            },
        ),
        migrations.AddField(
            model_name='event',
            name='batch',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='photo',
            name='audience',
            field=models.CharField(choices=[('public', 'Public'), ('staff', 'Staff')], db_default='public', default='public', max_length=6),
        ),
        migrations.AddField(
            model_name='photo',
            name='event_id',
            field=models.UUIDField(editable=False, null=True),
        ),
        migrations.AddField(
            model_name='photo',
            name='purpose',
            field=models.CharField(choices=[('report', 'Report'), ('completion', 'Completion'), ('comment', 'Comment'), ('note', 'Note'), ('answer', 'Answer'), ('handover', 'Handover')], db_default='report', default='report', max_length=10),
        ),
        migrations.AddField(
            model_name='service',
            name='completion_photo',
            field=models.BooleanField(db_default=False, default=False, help_text='Nobody resolves a request without a photo of what was done.'),
        ),
        migrations.AddField(
            model_name='service',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Urgent'), (2, 'High'), (3, 'Normal'), (4, 'Low')], db_default=3, default=3, help_text='Of its new requests.'),
        ),
        migrations.AddField(
            model_name='service',
            name='resolutions',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.CharField(choices=[('fixed', 'Fixed'), ('temporary_repair', 'Temporary Repair'), ('nothing_found', 'Nothing Found'), ('referred', 'Referred'), ('no_action', 'No Action')], max_length=16), blank=True, db_default=models.Value([], django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None)), default=list, help_text='How a request may end; empty: in any way.', size=None),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='duplicate_of',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='duplicates', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='escalated_percent',
            field=models.PositiveSmallIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='escalates_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='first_response_due_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='held_from',
            field=models.CharField(blank=True, choices=[('submitted', 'Submitted'), ('acknowledged', 'Acknowledged'), ('assigned', 'Assigned'), ('in_progress', 'In Progress'), ('on_hold', 'On Hold'), ('resolved', 'Resolved'), ('closed', 'Closed'), ('rejected', 'Rejected'), ('duplicate', 'Duplicate'), ('withdrawn', 'Withdrawn')], db_default='', default='', max_length=12),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='hold_reason',
            field=models.CharField(blank=True, choices=[('reporter', 'Reporter'), ('weather', 'Weather'), ('material', 'Material'), ('third_party', 'Third Party'), ('planned', 'Planned'), ('other', 'Other')], db_default='', default='', max_length=20),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='hold_until',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='parent',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='tasks', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='pauses',
            field=models.JSONField(db_default=models.Value([], models.JSONField()), default=list),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='priority',
            field=models.PositiveSmallIntegerField(choices=[(1, 'Urgent'), (2, 'High'), (3, 'Normal'), (4, 'Low')], db_default=3, default=3),
        ),
        migrations.AlterField(
            model_name='event',
            name='kind',
            field=models.CharField(choices=[('submitted', 'Submitted'), ('status_changed', 'Status Changed'), ('commented', 'Commented'), ('noted', 'Noted'), ('revised', 'Revised'), ('redacted', 'Redacted'), ('assigned', 'Assigned'), ('prioritised', 'Prioritised'), ('rerouted', 'Rerouted'), ('merged', 'Merged'), ('unmerged', 'Unmerged'), ('split', 'Split'), ('asked', 'Asked'), ('answered', 'Answered'), ('handed_over', 'Handed Over'), ('handover_revoked', 'Handover Revoked'), ('reported_done', 'Reported Done'), ('escalated', 'Escalated')], max_length=30),
        ),
        migrations.AddConstraint(
            model_name='service',
            constraint=models.CheckConstraint(condition=models.Q(('priority__in', [1, 2, 3, 4])), name='service_priority_is_known'),
        ),
        migrations.AddConstraint(
            model_name='service',
            constraint=models.CheckConstraint(condition=models.Q(('resolutions__contained_by', ['fixed', 'temporary_repair', 'nothing_found', 'referred', 'no_action'])), name='service_resolutions_are_known'),
        ),
        migrations.AddField(
            model_name='escalationstep',
            name='jurisdiction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='escalation_steps', to='requests311.jurisdiction'),
        ),
        migrations.AddField(
            model_name='follower',
            name='request',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='followers', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='follower',
            name='user',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='handover',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='handover',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='handovers', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='merge',
            name='by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='merge',
            name='duplicate',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='merge',
            name='kept',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='follower',
            name='merge',
            field=models.ForeignKey(db_index=False, editable=False, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='brought', to='requests311.merge'),
        ),
        migrations.AddField(
            model_name='question',
            name='asked_by',
            field=models.ForeignKey(null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='question',
            name='request',
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='questions', to='requests311.servicerequest'),
        ),
        migrations.AddField(
            model_name='rejectionreason',
            name='jurisdiction',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='rejection_reasons', to='requests311.jurisdiction'),
        ),
        migrations.AddField(
            model_name='syncedoperation',
            name='user',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='team',
            name='department',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='teams', to='requests311.department'),
        ),
        migrations.AddField(
            model_name='team',
            name='lead',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='team',
            name='members',
            field=models.ManyToManyField(blank=True, related_name='teams', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='servicerequest',
            name='team',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='requests311.team'),
        ),
        migrations.AddConstraint(
            model_name='escalationstep',
            constraint=models.UniqueConstraint(fields=('jurisdiction', 'percent', 'tells'), name='escalation_step_once'),
        ),
        migrations.AddConstraint(
            model_name='escalationstep',
            constraint=models.CheckConstraint(condition=models.Q(('percent__range', (1, 1000))), name='escalation_step_percent_in_range'),
        ),
        migrations.AddConstraint(
            model_name='escalationstep',
            constraint=models.CheckConstraint(condition=models.Q(('tells__in', ['lead', 'manager', 'director'])), name='escalation_step_tells_is_known'),
        ),
        migrations.AddConstraint(
            model_name='handover',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__gt', models.F('at'))), name='handover_expires_later'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.UniqueConstraint(condition=models.Q(('undone_at', None)), fields=('duplicate',), name='merge_once_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='merge',
            constraint=models.CheckConstraint(condition=models.Q(('duplicate', models.F('kept')), _negated=True), name='merge_into_another'),
        ),
        migrations.AddIndex(
            model_name='follower',
            index=models.Index(condition=models.Q(('merge__isnull', False)), fields=['merge'], name='follower_of_merge'),
        ),
        migrations.AddConstraint(
            model_name='follower',
            constraint=models.UniqueConstraint(fields=('request', 'user'), name='follower_once'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(('state__in', ['open', 'answered', 'unanswered'])), name='question_state_is_known'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('answered_at__isnull', False), ('state', 'answered')), models.Q(models.Q(('state', 'answered'), _negated=True), ('answered_at', None)), _connector='OR'), name='question_answered_says_when'),
        ),
        migrations.AddConstraint(
            model_name='question',
            constraint=models.UniqueConstraint(condition=models.Q(('state', 'open')), fields=('request',), name='question_one_open'),
        ),
        migrations.AddConstraint(
            model_name='rejectionreason',
            constraint=models.UniqueConstraint(fields=('jurisdiction', 'code'), name='rejection_reason_code_unique'),
        ),
        migrations.AddConstraint(
            model_name='rejectionreason',
            constraint=models.CheckConstraint(condition=models.Q(('names_responsible', True), models.Q(('contact', ''), ('link', ''), ('responsible', '')), _connector='OR'), name='rejection_reason_responsible_where_named', violation_error_message='Say who is responsible only where the reason names somebody.'),
        ),
        migrations.AddConstraint(
            model_name='rejectionreason',
            constraint=models.CheckConstraint(condition=models.Q(('responsible', ''), models.Q(('contact', ''), _negated=True), models.Q(('link', ''), _negated=True), _connector='OR'), name='rejection_reason_responsible_can_be_reached', violation_error_message='Say how who is responsible can be reached: a contact or a link.'),
        ),
        migrations.AddIndex(
            model_name='syncedoperation',
            index=models.Index(fields=['at'], name='synced_operation_age'),
        ),
        migrations.AddConstraint(
            model_name='syncedoperation',
            constraint=models.UniqueConstraint(fields=('user', 'operation'), name='synced_operation_once'),
        ),
        migrations.AddConstraint(
            model_name='team',
            constraint=models.UniqueConstraint(fields=('department', 'code'), name='team_code_unique'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='escalationstep',
            trigger=pgtrigger.compiler.Trigger(name='moves_catalogue_version', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n            IF TG_OP <> 'INSERT' THEN\n                UPDATE requests311_jurisdiction SET catalogue_changed_at = clock_timestamp(),\n                    catalogue_version = nextval('requests311_catalogue_version')\n                WHERE id = (OLD.jurisdiction_id);\n            END IF;\n            IF TG_OP <> 'DELETE' THEN\n                UPDATE requests311_jurisdiction SET catalogue_changed_at = clock_timestamp(),\n                    catalogue_version = nextval('requests311_catalogue_version')\n                WHERE id = (NEW.jurisdiction_id);\n            END IF;\n            RETURN NULL;\n        ", hash='c2c29d74e5b64b3dccda849be610e1f5863c600f', operation='INSERT OR UPDATE OR DELETE', pgid='pgtrigger_moves_catalogue_version_81c58', table='requests311_escalationstep', when='AFTER')),
        ),
    ]
