"""Addresses for tests, brought in by the loader as a city's are."""

import csv
import tempfile
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from pathlib import Path

from django.core.management import call_command

HEADER = ["LON", "LAT", "NUMBER", "STREET", "UNIT", "CITY", "DISTRICT", "REGION", "POSTCODE", "ID", "HASH"]


@dataclass(frozen=True)
class Line:
    """A row of OpenAddresses."""

    number: str
    street: str
    longitude: float = -99.95
    latitude: float = 40.1
    unit: str = ""
    city: str = "Smallville"
    region: str = "KS"
    postcode: str = "66002"
    id: str = ""

    def cells(self) -> list[str]:
        number, street, longitude, latitude, unit, city, region, postcode, id_ = map(str, astuple(self))
        return [longitude, latitude, number, street, unit, city, "", region, postcode, id_, ""]


def write_csv(file: Path, lines: Iterable[Line | list[str]], header: list[str] = HEADER) -> Path:
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(header)
        writer.writerows(line.cells() if isinstance(line, Line) else line for line in lines)
    return file


def has_addresses(jurisdiction: str, *lines: Line) -> None:
    """The jurisdiction has these addresses and no others."""
    with tempfile.TemporaryDirectory() as folder:
        file = write_csv(Path(folder) / "addresses.csv", lines)
        call_command("load_addresses", file, jurisdiction=jurisdiction, verbosity=0)
