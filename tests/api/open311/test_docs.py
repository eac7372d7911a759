"""docs/open311.md knows every endpoint, argument and field that there is."""

import ast
import re
from pathlib import Path

import pytest

from api.open311.urls import urlpatterns
from tests.api.open311.reading import REQUEST_FIELDS

ROOT = Path(__file__).resolve().parents[3]
DOCS = (ROOT / "docs" / "open311.md").read_text(encoding="utf-8")
#: Methods of `Parameters` that read an argument, whose name comes first.
READERS = {"text", "texts", "moment", "number", "whole", "flag"}


def arguments_read() -> set[str]:
    """The names of all arguments that the code reads."""
    found = set()
    for file in (ROOT / "api" / "open311").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            if node.func.attr in READERS and node.args:
                first = node.args[0]
                if isinstance(first, ast.Constant) and isinstance(first.value, str):
                    found.add(first.value)
    return found


def test_some_arguments_are_found() -> None:
    assert {"status", "page_size", "update_id", "bbox"} <= arguments_read()


@pytest.mark.parametrize("name", sorted(arguments_read() | REQUEST_FIELDS))
def test_every_argument_and_field(name: str) -> None:
    assert re.search(rf"\b{name}\b", DOCS), name


def test_every_endpoint() -> None:
    for pattern in urlpatterns:
        words = re.findall(r"[a-z]{4,}", str(pattern.pattern).replace("<str:suffix>", ""))
        for word in words:
            assert word in DOCS, pattern


def test_it_is_short_and_linked() -> None:
    assert len(DOCS.splitlines()) < 400
    assert "docs/open311.md" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_every_anchor_leads_somewhere() -> None:
    titles = re.findall(r"^#+ (.+)$", DOCS, re.MULTILINE)
    anchors = {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
    for anchor in re.findall(r"\]\(#([^)]+)\)", DOCS):
        assert anchor in anchors, anchor
