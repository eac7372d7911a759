from django.conf import settings
from django.db import models
from django.utils import timezone

from requests311.models.merge import Merge
from requests311.models.service_request import ServiceRequest


class Follower(models.Model):
    """A person who is told what happens to a request that they did not report, and perhaps says "me too"."""

    request = models.ForeignKey(ServiceRequest, on_delete=models.CASCADE, related_name="followers", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    supports = models.BooleanField(default=False, help_text="The same bothers them.")
    since = models.DateTimeField(default=timezone.now)
    #: They came with a duplicate, and go with it when it is undone.
    merge = models.ForeignKey(
        Merge, null=True, on_delete=models.CASCADE, related_name="brought", db_index=False, editable=False
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["request", "user"], name="follower_once")]
        indexes = [
            models.Index(fields=["merge"], condition=models.Q(merge__isnull=False), name="follower_of_merge"),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} follows {self.request_id}"
