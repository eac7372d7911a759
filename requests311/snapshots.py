"""What a message about a change says, fixed at the moment of the change."""

from typing import Any
from zoneinfo import ZoneInfo

from requests311.models import ServiceRequest


def snapshot(request: ServiceRequest) -> dict[str, Any]:
    """Goes into the event's data; needs service, department and jurisdiction at hand.

    People are told from the event row, never from the live object, so that two quick changes give two
    true messages.
    """
    service, jurisdiction = request.service, request.jurisdiction
    language = jurisdiction.languages[0]
    names = {tag: texts["name"] for tag, texts in service.translations.items() if texts.get("name")}
    due = request.due_at.astimezone(ZoneInfo(jurisdiction.time_zone)).date().isoformat() if request.due_at else ""
    return {
        "number": request.number,
        "service": {language: service.name} | names,
        "department": request.department.name,
        "jurisdiction": jurisdiction.name,
        "language": language,
        "due": due,
    }
