"""A kind of message, a language and what was true at the event → title and body in plain text.

The texts are Django templates, `notifications/push/<language>/<kind>.txt`: the first line is the title, the
rest the body. A city puts its own into a directory of TEMPLATES["DIRS"], which is searched first.
"""

import re
from collections.abc import Mapping
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

#: FCM and APNs take 4,096 bytes in all; a phone shows the first few lines. Bytes of UTF-8.
TITLE_BYTES = 200
BODY_BYTES = 2000

LANGUAGE_TAG = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
KIND = re.compile(r"[a-z][a-z0-9_]*")


def render(kind: str, language: str, fallback_language: str, context: Mapping[str, Any]) -> tuple[str, str]:
    """Title and body. `language` is a BCP 47 tag as a phone says it; a text that is missing in it is taken
    from its primary language, the fallback language, English, and at last from the kind "generic".

    `due` in the context, an ISO 8601 date, is written as people of that language write it.
    """
    languages = _preferences(language, fallback_language)
    template, found = _template(kind, languages)
    values = {name: _in_language(value, languages) for name, value in context.items()}
    if "due" in values:
        values["due"] = _day(values["due"], found)
    lines = [line.strip() for line in template.render(Context(values, autoescape=False)).strip().splitlines()]
    body = "\n".join(line for line in lines[1:] if line)
    return _clip(lines[0] if lines else "", TITLE_BYTES), _clip(body, BODY_BYTES)


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


def _template(kind: str, languages: list[str]) -> tuple[Template, str]:
    kinds = [kind, GENERIC] if KIND.fullmatch(kind) else [GENERIC]
    for name in kinds:
        for language in languages:
            template = _load(f"notifications/push/{language}/{name}.txt")
            if template is not None:
                return template, language
    raise TemplateDoesNotExist(f"notifications/push/{LAST_LANGUAGE}/{GENERIC}.txt")


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
    """A dict of translations becomes the best text that it has; everything else stays."""
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
