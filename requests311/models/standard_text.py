from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.db import models
from django.db.models import Q
from uuid_utils.compat import uuid7

from requests311 import standard_texts
from requests311.models.department import Department
from requests311.models.jurisdiction import Jurisdiction
from requests311.models.service import Service
from requests311.statuses import Status


def check_language(tag: str) -> None:
    """Raises ValidationError for what is no BCP 47 tag of the usual parts in the customary case."""
    if not standard_texts.LANGUAGE.fullmatch(tag):
        raise ValidationError(f"{tag!r} is not a BCP 47 language tag such as en, es-419 or zh-Hant.", code="invalid")


def check_placeholders(text: str) -> None:
    """Raises ValidationError, with the code and words of each problem that `standard_texts.check` finds."""
    problems = standard_texts.check(text)
    if problems:
        raise ValidationError([ValidationError(problem.detail, code=problem.code) for problem in problems])


class StandardText(models.Model):
    """What a crew says again and again with a status: "We fixed {service} at {address}.", in one language."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    # The unique constraint begins with it.
    jurisdiction = models.ForeignKey(
        Jurisdiction, on_delete=models.CASCADE, related_name="standard_texts", db_index=False
    )
    department = models.ForeignKey(
        Department,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="standard_texts",
        help_text="Whose text it is; its units use it too. Empty: all departments.",
    )
    service = models.ForeignKey(
        Service,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="standard_texts",
        help_text="Empty: every service.",
    )
    status = models.CharField(max_length=12, choices=Status.choices, help_text="The status that it goes with.")
    language = models.CharField(max_length=35, validators=[check_language], help_text="BCP 47 tag.")
    title = models.CharField(max_length=120, help_text="What a crew picks it by.")
    text = models.TextField(
        validators=[MaxLengthValidator(standard_texts.LONGEST), check_placeholders],
        help_text="With placeholders such as {number} and {due}; one that nobody knows is refused with a list of all.",
    )
    active = models.BooleanField(default=True, help_text="Off: kept, and offered to nobody.")
    updated_at = models.DateTimeField(auto_now=True)
    updated_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )

    class Meta:
        ordering = ["jurisdiction", "title", "language"]
        constraints = [
            models.UniqueConstraint(
                fields=["jurisdiction", "department", "service", "status", "language", "title"],
                nulls_distinct=False,
                name="standard_text_unique",
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="standard_text_status_is_known"),
            models.CheckConstraint(
                condition=~Q(title="") & ~Q(text="") & ~Q(language=""), name="standard_text_says_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.title} ({self.language})"

    def clean(self) -> None:
        """Refuses a department and a service of another jurisdiction."""
        wrong = {
            name: ValidationError("Belongs to another jurisdiction.", code="other_jurisdiction")
            for name, part in (("department", self.department), ("service", self.service))
            if part is not None and part.jurisdiction_id != self.jurisdiction_id
        }
        if wrong:
            raise ValidationError(wrong)
