"""Database triggers that write the map's journal; in the database, because COPY, `bulk_create`, `update()` and
plain SQL change requests too, and a map that shows what was hidden is worse than none."""

import pgtrigger

_COLUMNS = ("visibility", "status", "service_id", "submitted_at", "location")
_DIFFERS = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in _COLUMNS)


def _line(row: str, n: int) -> str:
    return f"""
        INSERT INTO requests311_mapchange (world_x, world_y, service_id, status, day, n)
        VALUES (requests311_world_x({row}.location), requests311_world_y({row}.location), {row}.service_id,
                {row}.status, requests311_day({row}.submitted_at), {n});
    """  # noqa: S608 (our own constants)


MAP_TRIGGERS = [
    pgtrigger.Trigger(
        name="map_insert",
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        condition=pgtrigger.Condition("NEW.visibility = 'public'"),
        func=f"{_line('NEW', 1)} RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="map_delete",
        when=pgtrigger.After,
        operation=pgtrigger.Delete,
        condition=pgtrigger.Condition("OLD.visibility = 'public'"),
        func=f"{_line('OLD', -1)} RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="map_update",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf(*_COLUMNS),
        condition=pgtrigger.Condition(f"(({_DIFFERS}) AND 'public' IN (OLD.visibility, NEW.visibility))"),
        func=f"""
            IF OLD.visibility = 'public' THEN {_line("OLD", -1)} END IF;
            IF NEW.visibility = 'public' THEN {_line("NEW", 1)} END IF;
            RETURN NULL;
        """,
    ),
]
