"""The sentence that a resident reads when their report is not taken on."""

from dataclasses import dataclass
from typing import Any

from requests311.errors import InputError, Invalid
from requests311.models import Jurisdiction, RejectionReason


@dataclass(frozen=True)
class Responsible:
    """Who is responsible instead, and how to reach them."""

    name: str
    contact: str = ""
    link: str = ""

    def line(self) -> str:
        return ", ".join(part for part in (self.name, self.contact, self.link) if part)


@dataclass(frozen=True)
class Sentence:
    """In the jurisdiction's first language, and what messages in other languages are made of."""

    text: str
    data: dict[str, Any]


def sentence_of(
    reason: RejectionReason, jurisdiction: Jurisdiction, *, text: str, responsible: Responsible | None
) -> Sentence:
    """The reason's own words, then the crew's, then who is responsible, named here or with the reason.

    Raises Invalid where the reason names somebody and nobody is named, or where nobody can be reached.
    """
    who = responsible or (Responsible(reason.responsible, reason.contact, reason.link) if reason.responsible else None)
    if responsible and not reason.names_responsible:
        raise _wrong("not_taken", f"The reason {reason.code!r} names nobody.")
    if reason.names_responsible and who is None:
        raise _wrong("required", "Say who is responsible instead, with a contact or a link.")
    if who is not None and not (who.contact or who.link):
        raise _wrong("unreachable", f"Say how {who.name} can be reached: a contact or a link.")
    rest = [part for part in (text.strip(), who.line() if who else "") if part]
    texts = {
        language: "\n".join([words, *rest])
        for language, words in {jurisdiction.languages[0]: reason.text, **reason.translations}.items()
    }
    data: dict[str, Any] = {"reason": reason.code, "texts": texts}
    if who is not None:
        data["responsible"] = {"name": who.name, "contact": who.contact, "link": who.link}
    return Sentence(texts[jurisdiction.languages[0]], data)


def _wrong(code: str, detail: str) -> Invalid:
    return Invalid(errors=[InputError("/responsible", code, detail)])
