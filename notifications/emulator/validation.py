"""Checks a `messages:send` body as FCM does: first its JSON against the schema, then its meaning.

Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages and …/v1/ErrorCode (limits).
"""

import json
import re
from dataclasses import dataclass
from typing import Any

import orjson

from notifications.emulator.errors import Violation, bad_request, unreadable
from notifications.emulator.phones import Target
from notifications.emulator.schema import REQUEST, TARGETS

RESERVED_KEYS = frozenset({"from", "notification", "message_type"})
RESERVED_PREFIXES = ("google.", "gcm.")
#: Bytes of keys and values (ErrorCode, "Message too big").
LARGEST_PAYLOAD = 4096
LARGEST_TOPIC_PAYLOAD = 2048
#: Seconds: four weeks.
LONGEST_TTL = 2_419_200
#: Google's JSON parser stops there too.
DEEPEST = 100


@dataclass(frozen=True, slots=True)
class Sending:
    """A valid request: the message in snake_case, whom it is for, and whether it is only to be checked."""

    target: Target
    message: dict[str, Any]
    validate_only: bool


def parse_request(raw: bytes) -> Sending:
    """Reads and checks the body of `messages:send`; GoogleError 400 names every wrong field."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise unreadable(f"Parser error: {error}.") from error
    if not isinstance(body, dict):
        raise unreadable('Unknown name "": Root element must be a message.')
    if _too_deep(body):
        raise unreadable("Message too deep. Max recursion depth reached for key ''.")
    found: list[Violation] = []
    request = REQUEST(body, "", found)
    if found:
        raise bad_request(found)
    message = request.get("message")
    if message is None:
        raise bad_request([Violation("message", "Message is not set.")], fcm_code="INVALID_ARGUMENT")
    if wrong := _meaning(message):
        raise bad_request(wrong, fcm_code="INVALID_ARGUMENT")
    kind = next(kind for kind in TARGETS if kind in message)
    return Sending(Target(kind, _target_value(kind, message[kind])), message, request.get("validate_only", False))


def _too_deep(body: object) -> bool:
    """Whether it nests deeper than Google reads; checked first, so that nothing below runs out of stack."""
    layer = [body]
    for _ in range(DEEPEST):
        below: list[object] = []
        for value in layer:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        if not below:
            return False
        layer = below
    return True


# --- The meaning --------------------------------------------------------------------------------

_TOPIC = re.compile(r"(/topics/)?[a-zA-Z0-9\-_.~%]{1,900}", re.ASCII)
_LABEL = re.compile(r"[a-zA-Z0-9\-_.~%]{1,50}", re.ASCII)
_COLOR_TEXT = re.compile(r"#[0-9a-fA-F]{6}", re.ASCII)
_IN_TOPIC = re.compile(r"'[a-zA-Z0-9\-_.~%]+'\s+in\s+topics", re.ASCII)


def _meaning(message: dict[str, Any]) -> list[Violation]:
    return [
        *_target_problems(message),
        *_data_problems(message),
        *_option_problems(message),
        *_size_problems(message),
    ]


def _target_problems(message: dict[str, Any]) -> list[Violation]:
    given = [kind for kind in TARGETS if kind in message]
    if not given:
        return [Violation("message", "Recipient of the message is not set.")]
    if len(given) > 1:
        reason = f"oneof field 'target' is already set. Cannot set '{given[1]}'"
        text = f"Invalid value at 'message' (oneof), {reason}"
        return [Violation("message", text)]
    kind, value = given[0], message[given[0]]
    if kind == "topic":
        return [] if _TOPIC.fullmatch(value) else [Violation("message.topic", "Invalid topic name.")]
    if kind == "condition":
        return [] if _is_condition(value) else [Violation("message.condition", "Invalid condition expression.")]
    # Tests and demos name their phones as they like; only what can never be one is refused.
    if 0 < len(value) <= 4096 and value.isprintable() and not any(character.isspace() for character in value):
        return []
    if kind == "fid":
        return [Violation("message.fid", "The installation ID is not a valid Firebase installation ID")]
    return [Violation("message.token", "The registration token is not a valid FCM registration token")]


def _target_value(kind: str, value: str) -> str:
    return value.removeprefix("/topics/") if kind == "topic" else value


def _is_condition(text: str) -> bool:
    """Topics joined by && and ||, with ! and parentheses; at most five topics."""
    reduced, count = _IN_TOPIC.subn("T", text)
    if not 1 <= count <= 5 or len(text) > 5000:
        return False
    reduced, before = re.sub(r"\s+", "", reduced), ""
    while reduced != before:
        before = reduced
        reduced = re.sub(r"!T|\(T\)|T(&&|\|\|)T", "T", reduced)
    return reduced == "T"


def _data_problems(message: dict[str, Any]) -> list[Violation]:
    places = {
        "message.data": message.get("data", {}),
        "message.android.data": message.get("android", {}).get("data", {}),
    }
    return [
        Violation(f"{path}[{number}].key", f"Invalid data payload key: {key}")
        for path, data in places.items()
        for number, key in enumerate(data)
        if key in RESERVED_KEYS or key.startswith(RESERVED_PREFIXES)
    ]


def _option_problems(message: dict[str, Any]) -> list[Violation]:
    found: list[Violation] = []
    android, webpush = message.get("android", {}), message.get("webpush", {})
    ttl = android.get("ttl")
    if ttl is not None and not 0 <= float(ttl.removesuffix("s")) <= LONGEST_TTL:
        found.append(Violation("message.android.ttl", f"TTL must be between 0 and {LONGEST_TTL} seconds."))
    color = android.get("notification", {}).get("color")
    if color and not _COLOR_TEXT.fullmatch(color):
        found.append(Violation("message.android.notification.color", "Color must be in #RRGGBB format."))
    link = webpush.get("fcm_options", {}).get("link")
    if link and not link.startswith("https://"):
        found.append(Violation("message.webpush.fcm_options.link", "Link must be an HTTPS URL."))
    for path, options in (
        ("message", message),
        ("message.android", android),
        ("message.apns", message.get("apns", {})),
        ("message.webpush", webpush),
    ):
        label = options.get("fcm_options", {}).get("analytics_label")
        if label and not _LABEL.fullmatch(label):
            found.append(Violation(f"{path}.fcm_options.analytics_label", "Invalid analytics label."))
    return found


def _size_problems(message: dict[str, Any]) -> list[Violation]:
    """What reaches one platform's phone: the common part, with that platform's own in its place."""
    limit = LARGEST_TOPIC_PAYLOAD if "topic" in message or "condition" in message else LARGEST_PAYLOAD
    common = {"notification": message.get("notification", {}), "data": message.get("data", {})}
    android, apns, webpush = (message.get(platform, {}) for platform in ("android", "apns", "webpush"))
    payloads = {
        "Android": _merged(common, android),
        "APNs": {**common, **apns.get("payload", {})},
        "Webpush": _merged(common, webpush),
    }
    for platform, payload in payloads.items():
        if (size := _bytes(payload)) > limit:
            return [Violation("message", f"{platform} message is too big: {size} bytes, at most {limit}.")]
    return []


def _merged(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    return {
        "notification": {**common["notification"], **own.get("notification", {})},
        "data": own.get("data") or common["data"],
    }


def _bytes(payload: dict[str, Any]) -> int:
    """Bytes of the keys and values below the two names `notification` and `data`."""
    return sum(
        _content_bytes(value) + (len(key.encode()) if key not in ("notification", "data") else 0)
        for key, value in payload.items()
    )


def _content_bytes(value: object) -> int:
    if isinstance(value, dict):
        return sum(len(key.encode()) + _content_bytes(item) for key, item in value.items())
    if isinstance(value, list):
        return sum(_content_bytes(item) for item in value)
    return len(value.encode()) if isinstance(value, str) else len(json.dumps(value))
