from django.conf import settings
from django.db import models


class IdempotencyKey(models.Model):
    """The first answer to a write, kept for a day, in the same transaction as what it wrote."""

    # Found by idempotency_key_unique.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=200)
    #: SHA-256 of method, path and body.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    body = models.TextField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            # Of this user: somebody else's key is never answered with this one's answer.
            models.UniqueConstraint(fields=["user", "key"], name="idempotency_key_unique"),
            models.CheckConstraint(
                condition=models.Q(status=None, body=None) | models.Q(status__isnull=False, body__isnull=False),
                name="idempotency_answer_is_whole",
            ),
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_created_at")]

    def __str__(self) -> str:
        return f"idempotency key {self.pk}"
