"""Database triggers that move `Jurisdiction.catalogue_version` whenever the catalogue changes.

In the database, and not in `save()`, because the admin, `bulk_create`, `update()` and plain SQL change
the catalogue too, and a process that keeps an old one would send reports to the wrong department.
A sequence, and not `+ 1`, because a version that was rolled back must never come again with another content.
"""

import pgtrigger


def moves_catalogue_version(new_jurisdiction: str, old_jurisdiction: str) -> pgtrigger.Trigger:
    """A row trigger; the arguments are SQL for the jurisdiction's id from the NEW and the OLD row."""
    return pgtrigger.Trigger(
        name="moves_catalogue_version",
        when=pgtrigger.After,
        operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
        func=f"""
            IF TG_OP <> 'INSERT' THEN
                UPDATE requests311_jurisdiction SET catalogue_changed_at = clock_timestamp(),
                    catalogue_version = nextval('requests311_catalogue_version')
                WHERE id = ({old_jurisdiction});
            END IF;
            IF TG_OP <> 'DELETE' THEN
                UPDATE requests311_jurisdiction SET catalogue_changed_at = clock_timestamp(),
                    catalogue_version = nextval('requests311_catalogue_version')
                WHERE id = ({new_jurisdiction});
            END IF;
            RETURN NULL;
        """,  # noqa: S608 (our own constants)
    )
