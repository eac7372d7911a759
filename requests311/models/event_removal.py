import pgtrigger
from django.db import models


class EventRemoval(models.Model):
    """One statement that removed events, written by the database itself: when, by which of its roles, how many.

    Nothing of what the events said is kept.
    """

    at = models.DateTimeField()
    #: The database's role that was signed in.
    role = models.CharField(max_length=63)
    events = models.PositiveIntegerField()
    #: Of the removed events.
    first_at = models.DateTimeField()
    last_at = models.DateTimeField()

    class Meta:
        ordering = ["-pk"]
        constraints = [models.CheckConstraint(condition=models.Q(events__gte=1), name="removal_has_events")]
        triggers = [pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.events} events"
