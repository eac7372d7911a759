from datetime import datetime

from django.db import connection, models

from requests311.models.service_request import ServiceRequest


class ReceivedUpdateQuerySet(models.QuerySet["ReceivedUpdate"]):
    def receive(self, *, source: str, update_id: str, request: ServiceRequest, at: datetime | None) -> bool:
        """False where it was received before; one that is being received now is waited for."""
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO requests311_receivedupdate (source, update_id, request_id, at, received_at)"
                " VALUES (%s, %s, %s, %s, now()) ON CONFLICT (source, update_id) DO NOTHING",
                [source, update_id, request.pk, at],
            )
            return bool(cursor.rowcount)


class ReceivedUpdate(models.Model):
    """What another system said of a request, by its own id for it: each is written onto the timeline once."""

    #: `key:<id of an API key>` or `forward:<id>`.
    source = models.CharField(max_length=60)
    update_id = models.CharField(max_length=200)
    request = models.ForeignKey(ServiceRequest, on_delete=models.CASCADE, related_name="+")
    #: When it happened, as the source has it.
    at = models.DateTimeField(null=True)
    received_at = models.DateTimeField(auto_now_add=True)

    objects = ReceivedUpdateQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "update_id"], name="received_update_once")]

    def __str__(self) -> str:
        return f"{self.source} {self.update_id}"
