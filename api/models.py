from django.conf import settings
from django.db import models


class ApiKey(models.Model):
    """Who writes through Open311. The key itself is told once; here is what recognises it."""

    class Kind(models.TextChoices):
        PRODUCTION = "production"
        TEST = "test"  # writes to the sandbox

    name = models.CharField(max_length=100, unique=True, help_text="The client that has it.")
    #: Reports made with the key are this person's; nobody signs in as them.
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    prefix = models.CharField(max_length=8, help_text="How the key begins.")
    #: SHA-256. A key has 256 random bits, so that nothing slower is needed to keep it from being guessed.
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["name"]
        verbose_name = "API key"
        constraints = [
            models.CheckConstraint(condition=models.Q(kind__in=["production", "test"]), name="api_key_kind_is_known")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_test(self) -> bool:
        return self.kind == self.Kind.TEST


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
