"""Many operations in one call, each by itself: its own transaction, its own result."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.serializers import Serializer

from api.crew.operations import OPERATIONS
from api.errors import describe
from api.fields import checked
from requests311.actors import Actor
from requests311.errors import DomainError
from requests311.models import ServiceRequest

#: What ends one operation and not the others.
Refusal = (DomainError, ValidationError)


def apart(entry: Mapping[str, Any], head: type[Serializer[Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The checked members that every entry has, and the others, which are the action's. Raises ValidationError."""
    names = set(head().fields)
    values = checked(head, {name: value for name, value in entry.items() if name in names})
    return values, {name: value for name, value in entry.items() if name not in names}


def operate(actor: Actor, *, name: str, key: str, version: int, said: Mapping[str, Any]) -> ServiceRequest:
    """One of OPERATIONS in a transaction of its own. Raises ValidationError and what the action raises."""
    operation = OPERATIONS[name]
    values = checked(operation.takes, said)
    with transaction.atomic():
        return operation.run(actor, key, version, values)


def refused(request: Request, error: Exception) -> dict[str, Any]:
    """Status, problem, and for a stale one the version there is."""
    problem = describe(request._request, error)
    result: dict[str, Any] = {"status": problem["status"], "problem": problem}
    if "version" in problem:
        result["version"] = problem["version"]
    return result
