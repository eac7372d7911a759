"""Nothing user-facing is hard-coded for one city (DESIGN §4.11): a city is data."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CODE = ("accounts", "api", "config", "geo", "notifications", "requests311")
NAMES = re.compile(
    r"\bnyc(?!_geo_toolkit)|nyc311|brooklyn|manhattan|staten.island|new.?york|riverbend|america/[a-z_]+|\bnypd\b|\bdsny\b",
    re.IGNORECASE,
)


@pytest.mark.parametrize("package", CODE)
def test_no_city_is_named_in_the_code(package: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in sorted((ROOT / package).rglob("*"))
        if path.suffix in {".py", ".html", ".txt", ".json", ".yaml", ".js", ".css", ".po"}
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if NAMES.search(line)
    ]
    assert not found, "\n".join(found)
