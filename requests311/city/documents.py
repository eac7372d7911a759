"""A YAML file whose every value knows its line."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from requests311.city.problems import Problems


class Document:
    """One file of a city (YAML 1.2, so that `no` is a text and not false)."""

    def __init__(self, name: str, tree: CommentedMap, problems: Problems) -> None:
        self.name = name
        self.tree = tree
        self._problems = problems

    @classmethod
    def read(cls, path: Path, problems: Problems) -> "Document | None":
        """The file, or None with its problem noted: absent, not UTF-8, not YAML, or not a mapping."""
        try:
            tree = YAML(typ="rt", pure=True).load(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, YAMLError, ValueError) as error:
            problems.add(str(path), *_in_words(error))
            return None
        if not isinstance(tree, CommentedMap):
            problems.add(str(path), 1, "must be a mapping of keys to values")
            return None
        return cls(str(path), tree, problems)

    def refuse(self, path: Sequence[str | int], reason: str) -> None:
        """Notes a problem with the value at `path`: keys and list indexes from the top of the file."""
        self._problems.add(self.name, self.line_of(path), reason)

    def line_of(self, path: Sequence[str | int]) -> int:
        """The line, counted from 1, of the value at `path` or of the nearest thing that encloses it."""
        node: Any = self.tree
        line: int = node.lc.line + 1
        for step in path:
            if isinstance(node, CommentedMap):
                key = next((key for key in node if str(key) == str(step)), None)
                if key is None:
                    break
                # A key that came in through a merge (`<<`) stands elsewhere and has no position here.
                line = int(node.lc.key(key)[0]) + 1 if key in (node.lc.data or {}) else line
                node = node[key]
            elif isinstance(node, CommentedSeq) and isinstance(step, int) and step < len(node):
                line = node.lc.item(step)[0] + 1
                node = node[step]
            else:
                break
        return line


def _in_words(error: Exception) -> tuple[int, str]:
    """(line, reason) of a file that cannot be read."""
    if isinstance(error, FileNotFoundError):
        return 1, "is missing"
    if isinstance(error, UnicodeDecodeError):
        return 1, f"is not UTF-8: {error.reason} at byte {error.start}"
    if isinstance(error, OSError):
        return 1, f"cannot be read: {error.strerror}"
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(error.problem or error).split())
        return mark.line + 1 if mark else 1, f"is not YAML: {reason}"
    if isinstance(error, YAMLError):
        return 1, f"is not YAML: {' '.join(str(error).split())}"
    # ruamel passes on what Python says of a value that only looks like a date or a number.
    return 1, f"holds a value that cannot be read: {error}"
