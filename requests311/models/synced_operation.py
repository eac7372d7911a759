from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone


class SyncedOperation(models.Model):
    """What a crew's phone did while it had no network, by the phone's own id, and what became of it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    operation = models.CharField(max_length=64)
    #: Of the operation's content: the same id with other content is another operation, and a mistake.
    fingerprint = models.CharField(max_length=64)
    #: The answer, as it was given first.
    result: models.JSONField[Any, Any] = models.JSONField()
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "operation"], name="synced_operation_once")]
        indexes = [models.Index(fields=["at"], name="synced_operation_age")]

    def __str__(self) -> str:
        return self.operation
