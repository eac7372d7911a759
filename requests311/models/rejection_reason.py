from django.db import models
from django.db.models import Q

from requests311.models.jurisdiction import Jurisdiction


class RejectionReason(models.Model):
    """Why a report is not taken on, in the words that a resident reads; for "not ours" with who is responsible."""

    jurisdiction = models.ForeignKey(Jurisdiction, on_delete=models.CASCADE, related_name="rejection_reasons")
    code = models.SlugField(max_length=40)
    text = models.CharField(max_length=500, help_text="The sentence, in the jurisdiction's first language.")
    translations = models.JSONField(default=dict, blank=True, help_text='By language: {"es": "No es de la ciudad."}')
    names_responsible = models.BooleanField(
        default=False, help_text="The resident is told who is responsible instead, here or with each rejection."
    )
    responsible = models.CharField(max_length=200, blank=True, help_text="Who it is, where it is always the same.")
    contact = models.CharField(max_length=200, blank=True, help_text="A phone number or an e-mail address.")
    link = models.URLField(max_length=300, blank=True)
    active = models.BooleanField(default=True)

    class Meta:
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(fields=["jurisdiction", "code"], name="rejection_reason_code_unique"),
            models.CheckConstraint(
                condition=Q(names_responsible=True) | Q(responsible="", contact="", link=""),
                name="rejection_reason_responsible_where_named",
                violation_error_message="Say who is responsible only where the reason names somebody.",
            ),
            models.CheckConstraint(
                condition=Q(responsible="") | ~Q(contact="") | ~Q(link=""),
                name="rejection_reason_responsible_can_be_reached",
                violation_error_message="Say how who is responsible can be reached: a contact or a link.",
            ),
        ]

    def __str__(self) -> str:
        return self.code
