from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    """Rules for what is written from now on; 0017 looks at what is there."""

    dependencies = [('requests311', '0015_working_day')]

    operations = [
        AddConstraintNotValid(
            model_name='photo',
            constraint=models.CheckConstraint(condition=models.Q(('audience__in', ['public', 'staff'])), name='photo_audience_is_known'),
        ),
        AddConstraintNotValid(
            model_name='photo',
            constraint=models.CheckConstraint(condition=models.Q(('purpose__in', ['report', 'completion', 'comment', 'note', 'answer', 'handover'])), name='photo_purpose_is_known'),
        ),
        AddConstraintNotValid(
            model_name='servicerequest',
            constraint=models.CheckConstraint(condition=models.Q(('priority__in', [1, 2, 3, 4])), name='request_priority_is_known'),
        ),
        AddConstraintNotValid(
            model_name='servicerequest',
            constraint=models.CheckConstraint(condition=models.Q(('hold_until', None), ('status', 'on_hold'), _connector='OR'), name='request_held_only_on_hold'),
        ),
        AddConstraintNotValid(
            model_name='servicerequest',
            constraint=models.CheckConstraint(condition=models.Q(('duplicate_of', None), models.Q(('status', 'duplicate'), models.Q(('duplicate_of', models.F('id')), _negated=True)), _connector='OR'), name='request_duplicate_of_another'),
        ),
        AddConstraintNotValid(
            model_name='servicerequest',
            constraint=models.CheckConstraint(condition=models.Q(('parent', None), models.Q(('parent', models.F('id')), _negated=True), _connector='OR'), name='request_task_of_another'),
        ),
    ]
