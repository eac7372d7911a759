from typing import Any

from rest_framework import serializers

from api.fields import Flag, QueryInteger, StrictChoice, StrictSerializer, Text
from api.pagination import DEFAULT_LIMIT, GREATEST_LIMIT
from requests311.standard_texts import LONGEST, PLACEHOLDERS
from requests311.statuses import Status

_PLACEHOLDERS = "; ".join(f"`{{{name}}}`: {meaning}" for name, meaning in PLACEHOLDERS.items())


class TemplateQuery(StrictSerializer):
    status = StrictChoice(Status.choices, required=False)
    service = Text(required=False, max_length=60)
    language = Text(required=False, max_length=35)
    request = Text(required=False, max_length=40)
    limit = QueryInteger(required=False, default=DEFAULT_LIMIT, min_value=1, max_value=GREATEST_LIMIT)
    cursor = Text(required=False, max_length=200)


class TemplateInput(StrictSerializer):
    jurisdiction = Text(max_length=40, help_text="Code.")
    department = Text(
        required=False,
        allow_null=True,
        default=None,
        max_length=60,
        help_text="Code; its units use the text too. Null: all departments of the jurisdiction.",
    )
    service = Text(required=False, allow_null=True, default=None, max_length=60, help_text="Code. Null: every service.")
    status = StrictChoice(Status.choices, help_text="The status that it goes with.")
    language = Text(max_length=35, help_text="BCP 47 tag in the customary case: en, es-419, zh-Hant.")
    title = Text(max_length=120, help_text="What a crew picks it by.")
    text = Text(max_length=LONGEST, help_text=f"A name in braces is a placeholder. {_PLACEHOLDERS}.")
    active = Flag(required=False, default=True, help_text="False: kept, and offered to nobody.")


class TemplateEntry(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    jurisdiction = serializers.CharField(help_text="Code.")
    department = serializers.CharField(allow_null=True, help_text="Code; null: all departments.")
    service = serializers.CharField(allow_null=True, help_text="Code; null: every service.")
    status = serializers.ChoiceField(Status.choices)
    language = serializers.CharField(help_text="BCP 47 tag.")
    title = serializers.CharField()
    text = serializers.CharField(help_text="As it is written, with its placeholders.")
    active = serializers.BooleanField()
    updated_at = serializers.DateTimeField()


class FittingTemplate(TemplateEntry):
    filled = serializers.CharField(
        allow_null=True,
        help_text=f"As it reads for `request`, {LONGEST} characters at most; null where none was named.",
    )
    missing = serializers.ListField(
        child=serializers.CharField(),
        help_text="Placeholders that the request has no value for; `filled` has “…” in their place.",
    )


class TemplatePage(serializers.Serializer[Any]):
    results = FittingTemplate(many=True)
    next = serializers.CharField(allow_null=True, help_text="`cursor` of the next page; null on the last.")
