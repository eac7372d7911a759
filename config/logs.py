"""Structured logs: one event a line, with the request's and the actor's ids, without tokens or personal data."""

from typing import Any

import structlog

#: Keys whose value never reaches a log, whoever passed it.
SECRET_KEYS = frozenset(
    {
        "password",
        "access",
        "refresh",
        "token",
        "api_key",
        "authorization",
        "email",
        "phone",
        "contact",
        "secret",
        "cookie",
    }
)


def redact(_logger: Any, _method: str, event: Any) -> Any:
    """structlog processor: replaces the value of a secret or personal key."""
    for key in event:
        if key.lower() in SECRET_KEYS:
            event[key] = "[redacted]"
    return event


def logging_settings(level: str, output: str) -> dict[str, Any]:
    """Django's LOGGING; the standard library's and structlog's events take the same way out."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact,
    ]
    # plain_traceback: the rich one shows local variables, and so tokens.
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if output == "json"
        else structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    )
    tail: list[Any] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    if output == "json":
        tail.append(structlog.processors.format_exc_info)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "structured": {
                "()": structlog.stdlib.ProcessorFormatter,
                "foreign_pre_chain": shared,
                "processors": [*tail, renderer],
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Our own access line has the route and no query; Django's has the path as typed.
            "django.request": {"level": "ERROR"},
            "django.server": {"level": "ERROR"},
            "_granian": {"level": "WARNING"},
            "granian.access": {"level": "ERROR"},
            "celery.app.trace": {"level": "WARNING"},
            "firebase_admin": {"level": "WARNING"},
            "httpx": {"level": "WARNING"},
        },
    }
