"""Things that a person has to look at: a log line at level error, and a count for the alarm rule."""

from typing import Any

import structlog
from prometheus_client import Counter

logger = structlog.get_logger(__name__)

ALERTS = Counter("requests311_alerts_total", "Things that a person has to look at.", ["reason"])


def alert(reason: str, **fields: Any) -> None:
    """`reason` is a short constant (it is a metric label); `fields` hold no tokens and no personal data."""
    ALERTS.labels(reason=reason).inc()
    logger.error("alert", reason=reason, **fields)
