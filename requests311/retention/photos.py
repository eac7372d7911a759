"""Photos that were uploaded and never reported: their files, then their rows."""

from contextlib import suppress
from uuid import UUID

from django.conf import settings
from django.db import connection

from requests311.models.photo import Photo, originals, variants

_DUE = """
FROM requests311_photo WHERE request_id IS NULL AND created_at < now() - make_interval(days => %(days)s)
"""

# A rejected photo cannot be attached to a report any more, so that nobody reports with a photo whose file is
# going. A crash from here on leaves such a row, and the next run finds it by the same words.
_CLAIM = f"""
WITH old AS MATERIALIZED (SELECT id {_DUE} ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED)
UPDATE requests311_photo p SET state = 'rejected', reason = %(reason)s FROM old WHERE p.id = old.id
RETURNING p.id, p.original, p.thumbnail, p.large
"""  # noqa: S608 (our own statement)

#: For the person who sent it, should they look while it goes.
REASON = "The photo was removed, because it was not part of a report in time. Please send it again."


def count_unreported() -> int:
    """How many have waited longer than RETENTION_PHOTOS_DAYS; reads only."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {_DUE}", {"days": settings.RETENTION_PHOTOS_DAYS})
        return int(cursor.fetchone()[0])


def remove_unreported(*, limit: int) -> int:
    """Removes at most `limit` of them, files first and rows second; answers how many.

    No transaction is open while files are deleted. A file that is gone already is as good as deleted.
    Raises what the storage failed with, once those that went well are done; the others are tried next time.
    """
    gone: list[UUID] = []
    failures: list[Exception] = []
    for photo_id, original, thumbnail, large in _claimed(limit):
        try:
            _delete_files(photo_id, original, {thumbnail, large} - {""})
        except Exception as error:
            failures.append(error)
        else:
            gone.append(photo_id)
    Photo.objects.filter(pk__in=gone, request=None).delete()
    if failures:
        raise failures[0]
    return len(gone)


def _claimed(limit: int) -> list[tuple[UUID, str, str, str]]:
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM, {"days": settings.RETENTION_PHOTOS_DAYS, "limit": limit, "reason": REASON})
        return list(cursor.fetchall())


def _delete_files(photo_id: UUID, original: str, named: set[str]) -> None:
    originals().delete(original)
    # The row may not name them: a worker that was killed had stored them but not yet said so.
    for name in named | {f"{photo_id}/thumbnail.jpg", f"{photo_id}/large.jpg"}:
        variants().delete(name)
    with suppress(OSError):  # the folder, where the storage has folders and this one is empty
        variants().delete(str(photo_id))
