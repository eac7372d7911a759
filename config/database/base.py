"""Django's PostGIS backend, with connections that are kept and looked at without asking the server.

A request takes two or three statements of a few tenths of a millisecond, so what Django does around them counts:
its pool sets a connection up anew for every request (adapters of three PostGIS types) and sends an empty query to
see whether it lives. Here a thread keeps its own connection (`CONN_MAX_AGE = None`), and whether it lives is
asked of the socket: nothing can be read from a healthy idle connection, and the end can be read from a dead one.

The server binds the parameters, and its protocol counts them in 16 bits, which this Django does not know yet.
"""

import select
from collections.abc import Sequence
from typing import Any

from django.contrib.gis.db.backends.postgis import base, features, operations
from psycopg import pq

#: That one statement may have.
PARAMETERS = 65_535


class DatabaseFeatures(features.DatabaseFeatures):
    max_query_params = PARAMETERS


class DatabaseOperations(operations.PostGISOperations):
    def bulk_batch_size(self, fields: Sequence[Any], objs: Sequence[Any]) -> int:
        """Rows that one statement of `bulk_create` takes; without it more than some thousand would be refused."""
        return PARAMETERS // max(1, len(fields))


class DatabaseWrapper(base.DatabaseWrapper):
    """`is_usable` costs a system call, not a round trip."""

    features_class = DatabaseFeatures
    ops_class = DatabaseOperations

    def is_usable(self) -> bool:
        connection: Any = self.connection
        if connection is None or connection.closed:
            return False
        if connection.pgconn.status != pq.ConnStatus.OK:
            return False
        # Between two requests nothing runs. In the middle of something (an interrupted COPY) only the server knows.
        if connection.pgconn.transaction_status != pq.TransactionStatus.IDLE:
            return bool(super().is_usable())
        # An idle connection has nothing to say, except that the server ends it (a restart, an administrator, a
        # time limit). Whatever else there may be to read (a notice, a changed parameter), the server is asked.
        waiting = select.poll()
        waiting.register(connection.pgconn.socket, select.POLLIN | select.POLLPRI)
        if not waiting.poll(0):
            return True
        return bool(super().is_usable())
