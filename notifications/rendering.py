"""A kind of message, a language and what was true at the event → title and body in plain text.

The texts are Django templates, `notifications/push/<language>/<kind>.txt`: the first line is the title, the
rest the body. An e-mail has a text of its own where there is `notifications/email/<language>/<kind>.txt`, else the
push's; `_why.txt` says below it why it came. A city puts its own into a directory of TEMPLATES["DIRS"], which is
searched first.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.template import Context, Engine, Template, TemplateDoesNotExist
from django.utils import formats, translation

#: Of last resort, the language of this project's own texts.
LAST_LANGUAGE = "en"
GENERIC = "generic"
#: No kind of message: what stands below every e-mail.
WHY = "_why"

#: FCM and APNs take 4,096 bytes in all; a phone shows the first few lines. Bytes of UTF-8.
TITLE_BYTES = 200
BODY_BYTES = 2000
EMAIL_BODY_BYTES = 20_000

LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
KIND = re.compile(r"[a-z][a-z0-9_]*")


def render(kind: str, language: str, fallback_language: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Title and body. `language` is a BCP 47 tag as a phone says it; a text that is missing in it is taken
    from its primary language, the fallback language, English, and at last from the kind "generic".

    `due` in the context, an ISO 8601 date, is written as people of that language write it.
    """
    languages = _preferences(language, fallback_language)
    template, found = _template(_kinds(kind), languages, ["push"])
    lines = _fill(template, context, languages, found).splitlines()
    body = "\n".join(line for line in lines[1:] if line)
    return _clip(lines[0] if lines else "", TITLE_BYTES), _clip(body, BODY_BYTES)


def render_email(
    kind: str,
    language: str,
    fallback_language: str,
    context: Mapping[str, Any],
    *,
    link: str,
    topic: str,
    has_account: bool,
) -> tuple[str, str]:
    """Subject, which is one line of printable characters, and body: the text, the link if there is one, and why this
    came. Languages as for `render`; `day` in the context is written as `due` is."""
    languages = _preferences(language, fallback_language)
    template, found = _template(_kinds(kind), languages, ["email", "push"])
    subject, _, text = _fill(template, context, languages, found).partition("\n")
    why, _ = _template([WHY], [found, *languages], ["email"])
    reasons = {"jurisdiction": context.get("jurisdiction"), "topic": topic, "has_account": has_account}
    text = _clip(text.strip(), EMAIL_BODY_BYTES)
    paragraphs = [text, "" if link in text else link, _fill(why, reasons, languages, found)]
    body = "\n\n".join(paragraph for paragraph in paragraphs if paragraph) + "\n"
    printable = "".join(character if character.isprintable() else " " for character in subject)
    return _clip(" ".join(printable.split()), TITLE_BYTES), body


def _fill(template: Template, context: Mapping[str, Any], languages: list[str], found: str) -> str:
    """The text without spaces at the ends of its lines, and never more than one empty line."""
    values = {name: _in_language(value, languages) for name, value in context.items()}
    for name in ("due", "day"):
        if name in values:
            values[name] = _day(values[name], found)
    text = template.render(Context(values, autoescape=False)).strip()
    return re.sub(r"\n{3,}", "\n\n", "\n".join(line.strip() for line in text.splitlines()))


def _preferences(*tags: str) -> list[str]:
    """Each tag in lower case, followed by itself shortened from the right ("zh-hant-tw", "zh-hant", "zh")."""
    wanted: list[str] = []
    for tag in (*tags, LAST_LANGUAGE):
        # A tag names a directory below; what is not one never reaches the file system.
        normal = tag.replace("_", "-").lower()
        if not LANGUAGE_TAG.fullmatch(normal):
            continue
        parts = normal.split("-")
        wanted += ["-".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return list(dict.fromkeys(wanted))


def _kinds(kind: str) -> list[str]:
    return [kind, GENERIC] if KIND.fullmatch(kind) else [GENERIC]


def _template(kinds: list[str], languages: list[str], channels: Sequence[str]) -> tuple[Template, str]:
    """Of the first kind that has one, in the best language, whichever channel it was written for."""
    for name in kinds:
        for language in languages:
            for channel in channels:
                template = _load(f"notifications/{channel}/{language}/{name}.txt")
                if template is not None:
                    return template, language
    raise TemplateDoesNotExist(f"notifications/{channels[-1]}/{LAST_LANGUAGE}/{kinds[-1]}.txt")


@cache
def _engine() -> Engine:
    backends: list[dict[str, Any]] = settings.TEMPLATES
    directories = [str(directory) for backend in backends for directory in backend.get("DIRS", [])]
    return Engine(dirs=[*directories, str(Path(__file__).parent / "templates")], autoescape=False)


def _load(path: str) -> Template | None:
    try:
        return _engine().get_template(path)
    except TemplateDoesNotExist:
        return None


def _in_language(value: Any, languages: list[str]) -> Any:
    """A dict of translations becomes the best text that it has, also as a value of a list's dicts; everything else
    stays."""
    if isinstance(value, list):
        return [
            {name: _in_language(part, languages) for name, part in one.items()} if isinstance(one, Mapping) else one
            for one in value
        ]
    if not isinstance(value, Mapping):
        return value
    texts = {str(tag).replace("_", "-").lower(): text for tag, text in value.items() if text}
    for language in languages:
        if language in texts:
            return texts[language]
    return next(iter(texts.values()), "")


def _day(value: Any, language: str) -> Any:
    try:
        day = date.fromisoformat(str(value)[:10])
    except ValueError:
        return value
    with translation.override(language):
        return formats.date_format(day, "MONTH_DAY_FORMAT")


def _clip(text: str, size: int) -> str:
    """At most `size` bytes of UTF-8, whole characters, with an ellipsis where something is missing."""
    data = text.encode()
    if len(data) <= size:
        return text
    return data[: size - len("…".encode())].decode(errors="ignore").rstrip() + "…"
