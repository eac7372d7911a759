from django.db import migrations

#: One statement, so that every row is read once.
VALIDATE = """
    ALTER TABLE requests311_servicerequest
        VALIDATE CONSTRAINT request_priority_is_known,
        VALIDATE CONSTRAINT request_held_only_on_hold,
        VALIDATE CONSTRAINT request_duplicate_of_another,
        VALIDATE CONSTRAINT request_task_of_another
"""


class Migration(migrations.Migration):
    """Looks at every request without holding up a writer."""

    dependencies = [('requests311', '0016_working_day_rules')]

    operations = [migrations.RunSQL(VALIDATE, migrations.RunSQL.noop)]
