"""What in a new openapi.yaml would break a client that was written against the old one.

A client sends what the old file allowed and reads what the old file promised. So an answer may gain and a request
may take more, but not the other way round:

- requests: nothing new may be needed, nothing that was taken may be refused (fields, types, bounds, enum values);
- answers: nothing that was promised may go, change its type, become nullable or optional;
- a new value in an enum of an answer is a break too: generated Kotlin and Swift clients fail on one they do not know.
"""

from collections.abc import Iterator
from typing import Any, Literal

Side = Literal["request", "response"]
_METHODS = ("get", "put", "post", "delete", "patch")
#: Bounds by whether a greater number is tighter.
_BOUNDS = {"minimum": True, "minLength": True, "minItems": True,
           "maximum": False, "maxLength": False, "maxItems": False}  # fmt: skip


def breaks(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """One line for each break; none if every old client goes on working."""
    return list(dict.fromkeys(_Comparison(old, new).run()))


class _Comparison:
    def __init__(self, old: dict[str, Any], new: dict[str, Any]) -> None:
        self.old, self.new = old, new

    def run(self) -> Iterator[str]:
        for path, item in self.old["paths"].items():
            if path not in self.new["paths"]:
                yield f"{path}: path removed"
                continue
            for method in _METHODS:
                if method in item:
                    at = f"{method.upper()} {path}"
                    if method not in self.new["paths"][path]:
                        yield f"{at}: operation removed"
                    else:
                        yield from self.operation(at, item[method], self.new["paths"][path][method])

    def operation(self, at: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        if old.get("operationId") != new.get("operationId"):
            yield f"{at}: operationId changed, and with it the name of the generated function"
        if {} in old.get("security", []) and {} not in new.get("security", [{}]):
            yield f"{at}: now needs a token"
        yield from self.parameters(at, old, new)
        yield from self.body(at, old.get("requestBody"), new.get("requestBody"))
        yield from self.answers(at, old["responses"], new["responses"])

    def parameters(self, at: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        before = {(p["in"], p["name"]): p for p in old.get("parameters", [])}
        after = {(p["in"], p["name"]): p for p in new.get("parameters", [])}
        for key, parameter in after.items():
            if parameter.get("required") and not before.get(key, {}).get("required"):
                yield f"{at}: parameter {key[1]} became required"
        for key, parameter in before.items():
            if key not in after:
                yield f"{at}: parameter {key[1]} removed"
            else:
                where = f"{at} parameter {key[1]}"
                yield from self.schema(where, parameter["schema"], after[key]["schema"], "request")

    def body(self, at: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[str]:
        if new and new.get("required") and not (old or {}).get("required"):
            yield f"{at}: body became required"
        if old and not new:
            yield f"{at}: body removed"
        if old and new:
            yield from self.contents(at, old, new, "request")

    def answers(self, at: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        for status, answer in old.items():
            if status not in new:
                yield f"{at}: answer {status} removed"
            else:
                yield from self.contents(f"{at} {status}", answer, new[status], "response")
        for status in new:
            # Another refusal needs no new code in a client; another success does.
            if status not in old and status[0] in "23":
                yield f"{at}: answer {status} added"

    def contents(self, at: str, old: dict[str, Any], new: dict[str, Any], side: Side) -> Iterator[str]:
        for content_type, content in old.get("content", {}).items():
            if content_type not in new.get("content", {}):
                yield f"{at}: {content_type} removed"
            else:
                yield from self.schema(at, content["schema"], new["content"][content_type]["schema"], side)

    def schema(self, at: str, old: Any, new: Any, side: Side, seen: frozenset[str] = frozenset()) -> Iterator[str]:
        reference = str(old.get("$ref", ""))
        if reference:
            if reference in seen:
                return
            seen |= {reference}
        old, new = _resolved(old, self.old), _resolved(new, self.new)
        for word in ("type", "format", "pattern"):
            if old.get(word) != new.get(word) and (word != "pattern" or new.get(word)):
                yield f"{at}: {word} changed from {old.get(word)} to {new.get(word)}"
        yield from self.enums(at, old, new, side)
        if bool(old.get("nullable")) != bool(new.get("nullable")) and bool(new.get("nullable")) == (side == "response"):
            yield f"{at}: {'may be null now' if side == 'response' else 'may no longer be null'}"
        if side == "request":
            yield from self.bounds(at, old, new)
        yield from self.properties(at, old, new, side, seen)
        if "items" in old and "items" in new:
            yield from self.schema(f"{at}[]", old["items"], new["items"], side, seen)

    def enums(self, at: str, old: dict[str, Any], new: dict[str, Any], side: Side) -> Iterator[str]:
        before, after = old.get("enum"), new.get("enum")
        if side == "request" and after is not None:
            gone = [value for value in before or [] if value not in after] if before else ["anything"]
            if gone:
                yield f"{at}: no longer takes {gone}"
        if side == "response" and before is not None:
            added = [value for value in after if value not in before] if after is not None else ["anything"]
            if added:
                yield f"{at}: may now be {added}"

    def bounds(self, at: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
        for bound, greater_is_tighter in _BOUNDS.items():
            if bound not in new:
                continue
            if bound not in old or (new[bound] > old[bound] if greater_is_tighter else new[bound] < old[bound]):
                # From nothing to 1 is a break as well, whatever a sensible client sends.
                yield f"{at}: {bound} tightened from {old.get(bound, 'nothing')} to {new[bound]}"

    def properties(
        self, at: str, old: dict[str, Any], new: dict[str, Any], side: Side, seen: frozenset[str]
    ) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        needed_before, needed_after = set(old.get("required", [])), set(new.get("required", []))
        if side == "request":
            for name in sorted(needed_after - needed_before):
                yield f"{at}/{name}: became required"
            if old.get("additionalProperties", True) is not False and new.get("additionalProperties", True) is False:
                yield f"{at}: no longer takes unknown fields"
        else:
            for name in sorted((needed_before - needed_after) & set(after)):
                yield f"{at}/{name}: may now be missing"
        for name, schema in before.items():
            if name not in after:
                yield f"{at}/{name}: removed"
            else:
                yield from self.schema(f"{at}/{name}", schema, after[name], side, seen)


def _resolved(schema: Any, document: dict[str, Any]) -> dict[str, Any]:
    """Without $ref, and with the parts of allOf and of `oneOf: [Enum, NullEnum]` in one."""
    if "$ref" in schema:
        return _resolved(document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]], document)
    merged = {key: value for key, value in schema.items() if key not in {"allOf", "oneOf"}}
    for part in [*schema.get("allOf", []), *schema.get("oneOf", [])]:
        found = _resolved(part, document)
        if found.get("enum") != [None]:
            merged = {**found, **merged}
    return merged
