"""Django's PostGIS backend, with connections that are kept and looked at without asking the server.

A request takes two or three statements of a few tenths of a millisecond, so what Django does around them counts:
its pool sets a connection up anew for every request (adapters of three PostGIS types) and sends an empty query to
see whether it lives. Here a thread keeps its own connection (`CONN_MAX_AGE = None`), and whether it lives is
asked of the socket: nothing can be read from a healthy idle connection, and the end can be read from a dead one.
"""

import select
from typing import Any

from django.contrib.gis.db.backends.postgis import base
from psycopg import pq


class DatabaseWrapper(base.DatabaseWrapper):
    """`is_usable` costs a system call, not a round trip."""

    def is_usable(self) -> bool:
        connection: Any = self.connection
        if connection is None or connection.closed:
            return False
        if connection.pgconn.status != pq.ConnStatus.OK:
            return False
        # An idle connection has nothing to say, except that the server ends it (a restart, an administrator, a
        # time limit). Whatever else there may be to read (a notice, a changed parameter), the server is asked.
        waiting = select.poll()
        waiting.register(connection.pgconn.socket, select.POLLIN | select.POLLPRI)
        if not waiting.poll(0):
            return True
        return bool(super().is_usable())
