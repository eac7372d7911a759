"""The schema of `messages:send`: fields and JSON types, as Google's parser checks them before FCM looks.

Source: https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages. Field names are taken in
snake_case and in camelCase, as protobuf's JSON mapping does, and come out in snake_case; null is "not set".
"""

import json
import re
from collections.abc import Callable
from typing import Any

from notifications.emulator.errors import Violation

#: The four ways to say whom a message is for; FCM wants exactly one.
TARGETS = ("token", "fid", "topic", "condition")

#: Takes value, path from the root and the list to report to; returns the value to keep.
Check = Callable[[Any, str, list[Violation]], Any]


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)[:200]


def _wrong(path: str, type_name: str, value: object, found: list[Violation], reason: str = "") -> None:
    found.append(Violation(path, f"Invalid value at '{path}' ({type_name}), {reason or _shown(value)}"))


def _scalar(type_name: str, accepts: Callable[[Any], bool]) -> Check:
    def check(value: Any, path: str, found: list[Violation]) -> Any:
        if not accepts(value):
            _wrong(path, type_name, value, found)
        return value

    return check


_string = _scalar("TYPE_STRING", lambda value: isinstance(value, str))
_bool = _scalar("TYPE_BOOL", lambda value: isinstance(value, bool))
_integer = _scalar(
    "TYPE_INT32", lambda value: isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**31
)
_number = _scalar("TYPE_FLOAT", lambda value: isinstance(value, int | float) and not isinstance(value, bool))
_struct = _scalar("type.googleapis.com/google.protobuf.Struct", lambda value: isinstance(value, dict))

_DURATION = re.compile(r"-?\d{1,12}(\.\d{1,9})?s", re.ASCII)
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _duration(value: Any, path: str, found: list[Violation]) -> Any:
    """google.protobuf.Duration in JSON: seconds with up to nine decimals and an "s", as "3.5s"."""
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        field = path.rpartition(".")[2]
        reason = f"Field '{field}', Illegal duration format; duration must end with 's'"
        _wrong(path, "type.googleapis.com/google.protobuf.Duration", value, found, reason)
    return value


_timestamp = _scalar(
    "type.googleapis.com/google.protobuf.Timestamp",
    lambda value: isinstance(value, str) and _TIMESTAMP.fullmatch(value) is not None,
)


def _enum(type_name: str, *names: str) -> Check:
    # Google's parser does not mind the case: firebase-admin sends "high" for HIGH.
    full = f"type.googleapis.com/google.firebase.fcm.v1.{type_name}"
    return _scalar(full, lambda value: isinstance(value, str) and value.upper() in names)


def _list(element: Check) -> Check:
    def check(value: Any, path: str, found: list[Violation]) -> Any:
        if not isinstance(value, list):
            _wrong(path, "TYPE_LIST", value, found)
            return value
        return [element(item, f"{path}[{number}]", found) for number, item in enumerate(value)]

    return check


def _strings(value: Any, path: str, found: list[Violation]) -> Any:
    """map<string, string>; Google counts the entries, it does not name the key."""
    if not isinstance(value, dict):
        _wrong(path, "TYPE_MAP", value, found)
        return value
    for number, item in enumerate(value.values()):
        _string(item, f"{path}[{number}].value", found)
    return value


def _message(fields: dict[str, Check]) -> Check:
    names = {name: name for name in fields} | {_camel(name): name for name in fields}

    def check(value: Any, path: str, found: list[Violation]) -> Any:
        if not isinstance(value, dict):
            _wrong(path, "TYPE_MESSAGE", value, found)
            return value
        known: dict[str, Any] = {}
        for given, item in value.items():
            name = names.get(given)
            if name is None:
                place = f" at '{path}'" if path else ""
                text = f'Invalid JSON payload received. Unknown name "{given}"{place}: Cannot find field.'
                found.append(Violation(path, text))
            elif name in known:
                text = f"Invalid JSON payload received. Field \"{name}\" is set twice at '{path}'."
                found.append(Violation(path, text))
            elif item is not None:  # null is "not set" in protobuf's JSON
                known[name] = fields[name](item, f"{path}.{name}" if path else name, found)
        return known

    return check


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


_FCM_OPTIONS = _message({"analytics_label": _string})
_NOTIFICATION = _message({"title": _string, "body": _string, "image": _string})
_COLOR = _message({"red": _number, "green": _number, "blue": _number, "alpha": _number})
_LIGHTS = _message({"color": _COLOR, "light_on_duration": _duration, "light_off_duration": _duration})
_ANDROID_NOTIFICATION = _message(
    {
        **dict.fromkeys(
            (
                "title",
                "body",
                "icon",
                "color",
                "sound",
                "tag",
                "click_action",
                "body_loc_key",
                "title_loc_key",
            ),
            _string,
        ),
        **dict.fromkeys(("channel_id", "ticker", "image"), _string),
        **dict.fromkeys(("body_loc_args", "title_loc_args"), _list(_string)),
        **dict.fromkeys(
            ("sticky", "local_only", "default_sound", "default_vibrate_timings", "default_light_settings"),
            _bool,
        ),
        "bypass_proxy_notification": _bool,
        "event_time": _timestamp,
        "notification_priority": _enum(
            "AndroidNotification.NotificationPriority",
            *("PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW"),
            *("PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"),
        ),
        "vibrate_timings": _list(_duration),
        "visibility": _enum("AndroidNotification.Visibility", "VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"),
        "notification_count": _integer,
        "light_settings": _LIGHTS,
        "proxy": _enum("AndroidNotification.Proxy", "PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"),
    }
)
_ANDROID = _message(
    {
        "collapse_key": _string,
        "priority": _enum("AndroidConfig.AndroidMessagePriority", "NORMAL", "HIGH"),
        "ttl": _duration,
        "restricted_package_name": _string,
        "data": _strings,
        "notification": _ANDROID_NOTIFICATION,
        "fcm_options": _FCM_OPTIONS,
        **dict.fromkeys(("direct_boot_ok", "bandwidth_constrained_ok", "restricted_satellite_ok"), _bool),
    }
)
_APNS = _message(
    {
        "headers": _strings,
        "payload": _struct,
        "fcm_options": _message({"analytics_label": _string, "image": _string}),
        "live_activity_token": _string,
    }
)
_WEBPUSH = _message(
    {
        "headers": _strings,
        "data": _strings,
        "notification": _struct,
        "fcm_options": _message({"link": _string, "analytics_label": _string}),
    }
)
#: A whole `messages:send` body.
REQUEST = _message(
    {
        "validate_only": _bool,
        "message": _message(
            {
                **dict.fromkeys(("name", *TARGETS), _string),
                "data": _strings,
                "notification": _NOTIFICATION,
                "android": _ANDROID,
                "webpush": _WEBPUSH,
                "apns": _APNS,
                "fcm_options": _FCM_OPTIONS,
            }
        ),
    }
)
