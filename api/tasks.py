from celery import shared_task

from api import idempotency


@shared_task(name="api.tasks.forget_expired")
def forget_expired() -> int:
    """Deletes answers to writes that are kept for a day."""
    return idempotency.forget_expired()
