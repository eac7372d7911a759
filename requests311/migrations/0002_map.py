import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


# Bodies that are parsed here and not when called: a restore, whose search_path is empty, finds PostGIS all the same.
# Each is immutable to the last part, or PostgreSQL would not inline it: a call costs a tenth of a millisecond then.
FUNCTIONS = '''
CREATE FUNCTION requests311_world_x(place geometry) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(1073741823, greatest(0, floor((ST_X(place) + 180) / 360 * 1073741824)))::integer;

CREATE FUNCTION requests311_world_y(place geometry) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN least(1073741823, greatest(0, floor((0.5 - asinh(tan(radians(
    least(85.0511287798066, greatest(-85.0511287798066, ST_Y(place)))))) / (2 * pi())) * 1073741824)))::integer;

CREATE FUNCTION requests311_cell_x(place geometry) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN requests311_world_x(place) >> 14;

CREATE FUNCTION requests311_cell_y(place geometry) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN requests311_world_y(place) >> 14;

CREATE FUNCTION requests311_day(moment timestamptz) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (moment AT TIME ZONE 'UTC')::date - DATE '1970-01-01';
'''
NO_FUNCTIONS = '''
DROP FUNCTION requests311_cell_x, requests311_cell_y, requests311_day, requests311_world_x, requests311_world_y;
'''


class Migration(migrations.Migration):

    dependencies = [
        ('geo', '0001_initial'),
        ('requests311', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RunSQL(FUNCTIONS, NO_FUNCTIONS),
        migrations.CreateModel(
            name='HeatCount',
            fields=[
                ('pk', models.CompositePrimaryKey('resolution', 'i', 'j', 'jurisdiction_id', blank=True, editable=False, primary_key=True, serialize=False)),
                ('resolution', models.SmallIntegerField()),
                ('i', models.IntegerField()),
                ('j', models.IntegerField()),
                ('jurisdiction_id', models.BigIntegerField()),
                ('n', models.IntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='MapChange',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('world_x', models.IntegerField()),
                ('world_y', models.IntegerField()),
                ('service_id', models.BigIntegerField()),
                ('status', models.CharField(max_length=12)),
                ('day', models.IntegerField(help_text='UTC days since 1970 of its submission.')),
                ('n', models.SmallIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name='MapCount',
            fields=[
                ('pk', models.CompositePrimaryKey('level', 'span', 'block', 'x', 'y', 'service_id', 'status', blank=True, editable=False, primary_key=True, serialize=False)),
                ('level', models.SmallIntegerField()),
                ('span', models.SmallIntegerField()),
                ('block', models.IntegerField()),
                ('x', models.IntegerField()),
                ('y', models.IntegerField()),
                ('service_id', models.BigIntegerField()),
                ('status', models.CharField(max_length=12)),
                ('n', models.IntegerField()),
                ('sum_x', models.BigIntegerField()),
                ('sum_y', models.BigIntegerField()),
            ],
        ),
        migrations.AddField(
            model_name='jurisdiction',
            name='heat_minimum',
            field=models.PositiveSmallIntegerField(default=5, help_text='The heat map shows no hexagon with fewer reports than this.'),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='servicerequest',
            trigger=pgtrigger.compiler.Trigger(name='map_insert', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        INSERT INTO requests311_mapchange (world_x, world_y, service_id, status, day, n)\n        SELECT requests311_world_x(fresh.location), requests311_world_y(fresh.location), fresh.service_id,\n               fresh.status, requests311_day(fresh.submitted_at), 1\n        FROM fresh WHERE fresh.visibility = 'public';\n     RETURN NULL;", hash='b716d592006f9e03fa760d0cf20c91ccc71834cc', level='STATEMENT', operation='INSERT', pgid='pgtrigger_map_insert_dd82b', referencing='REFERENCING NEW TABLE AS fresh ', table='requests311_servicerequest', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='servicerequest',
            trigger=pgtrigger.compiler.Trigger(name='map_delete', sql=pgtrigger.compiler.UpsertTriggerSql(func="\n        INSERT INTO requests311_mapchange (world_x, world_y, service_id, status, day, n)\n        SELECT requests311_world_x(gone.location), requests311_world_y(gone.location), gone.service_id,\n               gone.status, requests311_day(gone.submitted_at), -1\n        FROM gone WHERE gone.visibility = 'public';\n     RETURN NULL;", hash='190afd088c6d999907a069d82f2d2edae80f3201', level='STATEMENT', operation='DELETE', pgid='pgtrigger_map_delete_54c8a', referencing='REFERENCING OLD TABLE AS gone ', table='requests311_servicerequest', when='AFTER')),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name='servicerequest',
            trigger=pgtrigger.compiler.Trigger(name='map_update', sql=pgtrigger.compiler.UpsertTriggerSql(condition="WHEN ((OLD.visibility IS DISTINCT FROM NEW.visibility OR OLD.status IS DISTINCT FROM NEW.status OR OLD.service_id IS DISTINCT FROM NEW.service_id OR OLD.submitted_at IS DISTINCT FROM NEW.submitted_at OR OLD.location IS DISTINCT FROM NEW.location) AND 'public' IN (OLD.visibility, NEW.visibility))", func="\n        INSERT INTO requests311_mapchange (world_x, world_y, service_id, status, day, n)\n        SELECT requests311_world_x(OLD.location), requests311_world_y(OLD.location), OLD.service_id,\n               OLD.status, requests311_day(OLD.submitted_at), -1\n         WHERE OLD.visibility = 'public';\n     \n        INSERT INTO requests311_mapchange (world_x, world_y, service_id, status, day, n)\n        SELECT requests311_world_x(NEW.location), requests311_world_y(NEW.location), NEW.service_id,\n               NEW.status, requests311_day(NEW.submitted_at), 1\n         WHERE NEW.visibility = 'public';\n     RETURN NULL;", hash='df1c2b60069ca1947f77c775ae0e36a5b6ece145', operation='UPDATE OF "visibility", "status", "service_id", "submitted_at", "location"', pgid='pgtrigger_map_update_95963', table='requests311_servicerequest', when='AFTER')),
        ),
        migrations.AddConstraint(
            model_name='jurisdiction',
            constraint=models.CheckConstraint(condition=models.Q(('heat_minimum__gte', 1)), name='jurisdiction_heat_minimum_from_1'),
        ),
        migrations.AddIndex(
            model_name='mapchange',
            index=models.Index(fields=['world_x', 'world_y'], name='map_change_place'),
        ),
        migrations.RunSQL(
            # It is filled and emptied all day: vacuum it by the number of dead lines, not by a share of a size that swings.
            "ALTER TABLE requests311_mapchange SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, "
            "autovacuum_vacuum_insert_threshold = -1, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 20000);"
            "ALTER TABLE requests311_mapcount SET (fillfactor = 90);",
            migrations.RunSQL.noop,
        ),
    ]
