"""What the timeline says of itself when a department's own system has a request, in the jurisdiction's language."""

from requests311.models import ServiceRequest

#: Language → text. `{department}` is the department's name, `{id}` what its system calls the request.
_ACCEPTED = {
    "en": "The system of {department} has it as #{id}.",
    "es": "El sistema de {department} lo tiene con el número {id}.",
}


def accepted(request: ServiceRequest, department: str, remote_id: str) -> str:
    """Needs `request.jurisdiction` at hand."""
    return _ACCEPTED[language_of(request, _ACCEPTED)].format(department=department, id=remote_id)


def language_of(request: ServiceRequest, known: dict[str, str]) -> str:
    """The first of the jurisdiction's languages that is known, else English."""
    primary = [tag.lower().partition("-")[0] for tag in request.jurisdiction.languages]
    return next((language for language in primary if language in known), "en")
