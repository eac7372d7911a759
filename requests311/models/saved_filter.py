import json
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from uuid_utils.compat import uuid7

#: The query parameters of the crews' queue.
QUEUE_PARAMETERS = (
    *("status", "service", "area", "priority", "assignee", "team", "overdue", "due_before", "q", "sort"),
    *("latitude", "longitude", "limit"),
)
#: Characters of a filter's query, written as JSON.
QUERY_AT_MOST = 2000


def check_query(query: Any) -> None:
    """Raises ValidationError for what is not an object of parameters of the queue, each a string.

    What a value means is for the queue to say, when the filter is used.
    """
    if not isinstance(query, dict):
        raise ValidationError("An object of query parameters.", code="invalid")
    if len(json.dumps(query, ensure_ascii=False)) > QUERY_AT_MOST:
        raise ValidationError(f"At most {QUERY_AT_MOST} characters, written as JSON.", code="too_long")
    unknown = [name for name in query if name not in QUEUE_PARAMETERS]
    if unknown:
        known = ", ".join(QUEUE_PARAMETERS)
        raise ValidationError(f"{', '.join(map(repr, unknown))}: the queue knows {known}.", code="unknown_field")
    wrong = [name for name, value in query.items() if not isinstance(value, str) or not value or "\x00" in value]
    if wrong:
        raise ValidationError(f"{', '.join(wrong)}: strings that are not empty, without null.", code="invalid")


class SavedFilter(models.Model):
    """What somebody looks for in the queue every morning, under a name of their own."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    owner = models.ForeignKey(
        # The unique constraint begins with it.
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        related_name="saved_filters",
        db_index=False,
    )
    name = models.CharField(max_length=80)
    #: {"status": "assigned,in_progress", "overdue": "true"}, as the queue takes it.
    query = models.JSONField(default=dict, blank=True, validators=[check_query])
    position = models.PositiveSmallIntegerField(help_text="Where it stands among the owner's, smallest first.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["position", "id"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "name"], name="saved_filter_name_unique"),
            models.CheckConstraint(condition=~models.Q(name=""), name="saved_filter_has_a_name"),
        ]

    def __str__(self) -> str:
        return self.name
