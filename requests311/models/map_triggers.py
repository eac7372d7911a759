"""Database triggers that write the map's journal; in the database, because COPY, `bulk_create`, `update()` and
plain SQL change requests too, and a map that shows what was hidden is worse than none.

Inserts and deletes by statement: a row trigger that runs a statement of its own looks at every foreign key still to
be checked in the transaction, which makes a large COPY quadratic. Updates by row, because only a row trigger can be
left out for columns that the map does not show, and most updates are of those.
"""

import pgtrigger

_COLUMNS = ("visibility", "status", "service_id", "submitted_at", "location")
_DIFFERS = " OR ".join(f"OLD.{column} IS DISTINCT FROM NEW.{column}" for column in _COLUMNS)


def _lines(row: str, n: int, table: str = "") -> str:
    return f"""
        INSERT INTO requests311_mapchange (world_x, world_y, service_id, status, day, n)
        SELECT requests311_world_x({row}.location), requests311_world_y({row}.location), {row}.service_id,
               {row}.status, requests311_day({row}.submitted_at), {n}
        {table} WHERE {row}.visibility = 'public';
    """


MAP_TRIGGERS = [
    pgtrigger.Trigger(
        name="map_insert",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Insert,
        referencing=pgtrigger.Referencing(new="fresh"),  # type: ignore[no-untyped-call]
        func=f"{_lines('fresh', 1, 'FROM fresh')} RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="map_delete",
        level=pgtrigger.Statement,
        when=pgtrigger.After,
        operation=pgtrigger.Delete,
        referencing=pgtrigger.Referencing(old="gone"),  # type: ignore[no-untyped-call]
        func=f"{_lines('gone', -1, 'FROM gone')} RETURN NULL;",
    ),
    pgtrigger.Trigger(
        name="map_update",
        when=pgtrigger.After,
        operation=pgtrigger.UpdateOf(*_COLUMNS),  # type: ignore[no-untyped-call]
        condition=pgtrigger.Condition(f"(({_DIFFERS}) AND 'public' IN (OLD.visibility, NEW.visibility))"),
        func=f"{_lines('OLD', -1)} {_lines('NEW', 1)} RETURN NULL;",
    ),
]
