import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('geo', '0004_assets'),
        ('requests311', '0002_map_filled'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='routingrule',
            name='rule_is_not_written_twice',
        ),
        migrations.AddField(
            model_name='routingrule',
            name='asset_kind',
            field=models.SlugField(blank=True, db_default='', db_index=False, default='', help_text='Only where it names such a thing.', max_length=40),
        ),
        migrations.AddField(
            model_name='service',
            name='asset',
            field=models.CharField(choices=[('none', 'None'), ('optional', 'Optional'), ('required', 'Required')], db_default='none', default='none', help_text="Whether a report names the city's thing that it is about.", max_length=8),
        ),
        migrations.AddField(
            model_name='service',
            name='asset_kind',
            field=models.SlugField(blank=True, db_default='', db_index=False, default='', max_length=40),
        ),
        # An empty column takes no time, nor does its foreign key; its index reads the table and comes in the next one.
        migrations.AddField(
            model_name='servicerequest',
            name='asset',
            field=models.ForeignKey(blank=True, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='geo.asset'),
        ),
        migrations.AddConstraint(
            model_name='routingrule',
            constraint=models.UniqueConstraint(fields=('jurisdiction', 'service', 'group', 'area', 'asset_kind', 'attribute', 'value', 'rank', 'valid_from'), name='rule_is_not_written_twice', nulls_distinct=False),
        ),
        migrations.AddConstraint(
            model_name='service',
            constraint=models.CheckConstraint(condition=models.Q(('asset__in', ['none', 'optional', 'required'])), name='service_asset_is_known'),
        ),
        migrations.AddConstraint(
            model_name='service',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('asset', 'none'), ('asset_kind', '')), models.Q(models.Q(('asset', 'none'), _negated=True), models.Q(('asset_kind', ''), _negated=True)), _connector='OR'), name='service_asset_has_kind', violation_error_message='Say which kind of asset where the service asks for one, and only there.'),
        ),
    ]
