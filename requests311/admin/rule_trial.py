"""The form of "Try this rule"."""

from typing import Any

from django import forms
from django.contrib.gis.geos import Point

from requests311.errors import DomainError
from requests311.models import Attribute, Datatype, Jurisdiction, Service
from requests311.queries.rule_preview import Trial, try_rule

#: Which field of the form a JSON pointer of the domain speaks of.
_FIELDS = {"location": "place", "service": "service", "asset": "asset_kind", "attributes": "answers"}


class ServiceField(forms.ModelChoiceField[Service]):
    def label_from_instance(self, obj: Service) -> str:
        return f"{obj.jurisdiction}: {obj.name} ({obj.code})"


class TrialForm(forms.Form):
    """A report that nobody sends."""

    jurisdiction = forms.ModelChoiceField(Jurisdiction.objects.all())
    service = ServiceField(Service.objects.filter(active=True).select_related("jurisdiction"))
    place = forms.CharField(
        max_length=60, label="Latitude, longitude", widget=forms.TextInput(attrs={"placeholder": "40.7081, -73.9571"})
    )
    answers = forms.CharField(
        required=False,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One line an answer: attribute=value. Several values of one attribute: a line each.",
    )
    asset_kind = forms.SlugField(
        required=False, max_length=40, help_text="Of a thing without an owner; an owner comes before every rule."
    )
    on = forms.DateField(
        required=False, label="Day", widget=forms.DateInput(attrs={"type": "date"}), help_text="Empty: today."
    )

    def clean_place(self) -> Point:
        try:
            latitude, longitude = (float(part) for part in self.cleaned_data["place"].split(","))
        except ValueError as error:
            raise forms.ValidationError("Write two numbers with a comma between them: latitude, longitude.") from error
        if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
            raise forms.ValidationError("Latitudes lie within ±90 and longitudes within ±180 degrees.")
        return Point(longitude, latitude, srid=4326)

    def clean_answers(self) -> dict[str, list[str]]:
        answers: dict[str, list[str]] = {}
        for line in filter(None, map(str.strip, self.cleaned_data["answers"].splitlines())):
            code, equals, value = line.partition("=")
            if not equals:
                raise forms.ValidationError(f"{line!r} is not attribute=value.")
            answers.setdefault(code.strip(), []).append(value.strip())
        return answers

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        service = cleaned.get("service")
        if service and cleaned.get("jurisdiction") not in (None, service.jurisdiction):
            self.add_error("service", f"Belongs to {service.jurisdiction}.")
        if service and "answers" in cleaned:
            kinds = {attribute.code: attribute for attribute in service.attributes.all()}
            cleaned["answers"] = {code: _typed(kinds.get(code), given) for code, given in cleaned["answers"].items()}
        return cleaned

    def trial(self) -> Trial | None:
        """What the rules say; None where the form, or the report, would be refused: its errors say why."""
        if not self.is_valid():
            return None
        asked = {name: value for name, value in self.cleaned_data.items() if name != "jurisdiction"}
        asked["point"] = asked.pop("place")
        try:
            return try_rule(**asked)
        except DomainError as error:
            for wrong in error.errors:
                self.add_error(_FIELDS.get(wrong.pointer.strip("/").split("/")[0]), wrong.detail)
            if not error.errors:
                self.add_error(None, error.detail)
            return None


def _typed(attribute: Attribute | None, given: list[str]) -> Any:
    """As a phone would send it; what does not fit is left for the attribute's own check to refuse."""
    if attribute is not None and attribute.datatype == Datatype.MULTIVALUELIST:
        return given
    if attribute is not None and attribute.datatype == Datatype.NUMBER and len(given) == 1:
        try:
            return float(given[0])
        except ValueError:
            return given[0]
    return given[0] if len(given) == 1 else given
