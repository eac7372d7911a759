from django.db import migrations

#: One statement, so that every row is read once.
VALIDATE = """
    ALTER TABLE requests311_photo
        VALIDATE CONSTRAINT photo_audience_is_known,
        VALIDATE CONSTRAINT photo_purpose_is_known
"""


class Migration(migrations.Migration):
    """Looks at every photo without holding up a writer."""

    dependencies = [('requests311', '0017_working_day_rules_hold')]

    operations = [migrations.RunSQL(VALIDATE, migrations.RunSQL.noop)]
