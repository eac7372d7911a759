"""Figures that are read from the database when they are asked for: what waits, and how long it has waited."""

from collections.abc import Iterator

from django.db import connection
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_WAITING = """
SELECT 'announcements', count(*), coalesce(extract(epoch FROM now() - min(at)), 0)
  FROM requests311_event WHERE announced_at IS NULL
UNION ALL
SELECT 'deliveries', count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)
  FROM notifications_delivery WHERE state = 'pending'
UNION ALL
SELECT 'photos', count(*), coalesce(extract(epoch FROM now() - min(created_at)), 0)
  FROM requests311_photo WHERE state = 'pending'
UNION ALL
SELECT 'holds', count(*), coalesce(extract(epoch FROM now() - min(hold_until)), 0)
  FROM requests311_servicerequest WHERE hold_until <= now()
UNION ALL
SELECT 'escalations', count(*), coalesce(extract(epoch FROM now() - min(escalates_at)), 0)
  FROM requests311_servicerequest WHERE escalates_at <= now()
"""


_FORWARDS = """
SELECT state, count(*) FROM requests311_forward WHERE state IN ('waiting', 'token') GROUP BY state
UNION ALL
SELECT 'stuck', count(*) FROM requests311_forward WHERE state = 'stuck'
"""


_WEBHOOK_DELIVERIES = """
SELECT 'pending', count(*) FROM requests311_webhookdelivery WHERE state = 'pending'
UNION ALL
SELECT 'dead', count(*) FROM requests311_webhookdelivery WHERE state = 'dead'
"""


class WaitingWork(Collector):
    """Each count uses a partial index of the waiting rows only, so that it stays cheap on big tables."""

    def collect(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily("requests311_waiting", "Rows that wait for a worker.", labels=["work"])
        oldest = GaugeMetricFamily(
            "requests311_waiting_oldest_seconds", "Age of the oldest such row, seconds.", labels=["work"]
        )
        with connection.cursor() as cursor:
            cursor.execute(_WAITING)
            for work, count, seconds in cursor.fetchall():
                waiting.add_metric([work], float(count))
                oldest.add_metric([work], float(seconds))
            cursor.execute(_FORWARDS)
            states = {"waiting": 0, "token": 0, **dict(cursor.fetchall())}
            cursor.execute(_WEBHOOK_DELIVERIES)
            deliveries = dict(cursor.fetchall())
        yield waiting
        yield oldest
        # Not among what waits for a worker: these wait for a department's own system, which may take days.
        forwards = GaugeMetricFamily(
            "requests311_forwards", "Requests on their way to a department's own system, by state.", labels=["state"]
        )
        for state, count in states.items():
            forwards.add_metric([state], float(count))
        yield forwards
        webhooks = GaugeMetricFamily(
            "requests311_webhook_deliveries", "Events on their way to webhooks, and those given up.", labels=["state"]
        )
        for state, count in deliveries.items():
            webhooks.add_metric([state], float(count))
        yield webhooks
