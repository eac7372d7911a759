"""POST /api/v1/requests/{id}/transitions by a dispatcher, each with the ETag of the version it moves on from."""

from collections.abc import Sequence

from django.db import connection

from script.benchmark.bare import Bare
from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World

#: Requests that are moved to and fro; far more than there are connections, so that no two meet.
_REQUESTS = 500
_NEXT = {"submitted": "acknowledged", "acknowledged": "assigned", "assigned": "acknowledged"}
_OPEN = """
SELECT id, version, status FROM requests311_servicerequest
WHERE status IN ('submitted', 'acknowledged', 'assigned') ORDER BY id DESC LIMIT %s
"""


class Transition(Workload):
    name = "transition"
    title = "Transition"
    once = True

    def calls(self, world: World, count: int) -> list[Call]:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, [_REQUESTS])
            rows = [(row[0], row[1], row[2]) for row in cursor.fetchall()]
        found: list[Call] = []
        while rows and len(found) < count:
            for at, (request_id, version, status) in enumerate(rows):
                to = _NEXT[status]
                found.append(
                    Call(
                        "POST",
                        f"/api/v1/requests/{request_id}/transitions",
                        world.dispatcher,
                        body={"to": to},
                        # The version counts; the digest tells two renderings of it apart.
                        headers={"If-Match": f'"{version}-00000000"'},
                    )
                )
                rows[at] = (request_id, version + 1, to)
        return found[:count]

    def bare(self, world: World, calls: Sequence[Call], count: int) -> Bare:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, [_REQUESTS])
            rows = cursor.fetchall()
        statements = [
            f"UPDATE requests311_servicerequest SET status = '{to}', version = version + 1,"  # noqa: S608 - our own ids
            f" updated_at = statement_timestamp() WHERE id = '{request_id}'"
            for request_id, _, _ in rows
            for to in ("acknowledged", "assigned")
        ]
        return Bare("UPDATE of the request's row, COMMIT", statements)
