"""Rows of a CSV, one at a time, however large it is and whatever bytes it holds.

Python's own reader, which can say what is wrong with which line; GDAL would guess, and read a file without line ends
as one line.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from geo.coordinate_systems import UnreadableFile

#: Bytes of a line. A file without line ends must not be read as one.
LONGEST_LINE = 100_000


@dataclass(frozen=True, slots=True)
class CSVRow:
    """As many values as there are columns, or why there are not. `number` is that of its first line."""

    number: int
    values: list[str]
    problem: str = ""


class CSVFile:
    """An open CSV in UTF-8 with a head; the delimiter is the one of `,;|` and tab that the head has most of.

    `done` of `total` bytes are read. Raises UnreadableFile where there is no head.
    """

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self.path = path
        self.total = path.stat().st_size
        self._lines = _Lines(stream)
        try:
            head = next(self._lines, "")
            delimiter = max(",;\t|", key=head.count)
            self.columns = next(csv.reader([head], delimiter=delimiter, strict=True), [])
        except (_BrokenLine, csv.Error) as error:
            raise UnreadableFile(f"{path}: line 1 {error}; it should hold the names of the columns") from error
        if not self.columns:
            raise UnreadableFile(f"{path}: is empty; its first line should hold the names of the columns")
        self._reader = csv.reader(self._lines, delimiter=delimiter, strict=True)

    @property
    def done(self) -> int:
        return self._lines.bytes

    def __iter__(self) -> Iterator[CSVRow]:
        while True:
            number = self._lines.number + 1
            try:
                values = next(self._reader)
            except StopIteration:
                return
            except (_BrokenLine, csv.Error) as error:
                yield CSVRow(number, [], str(error))
                continue
            if len(values) == len(self.columns):
                yield CSVRow(number, values)
            elif values:
                yield CSVRow(number, values, f"has {len(values)} columns, not {len(self.columns)}")


class _BrokenLine(Exception):
    """A line that cannot be read as text, and why."""


class _Lines:
    """Lines of text, counted; one that cannot be is told by _BrokenLine and passed over. An iterator and not a
    generator, since the CSV reader goes on with it after an error."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.number = 0
        self.bytes = 0

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._read()
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > LONGEST_LINE:
            while line and not line.endswith(b"\n"):
                line = self._read()
            raise _BrokenLine(f"is longer than {LONGEST_LINE:,} bytes")
        if b"\0" in line:
            raise _BrokenLine("holds a NUL byte")
        try:
            text = line.decode()
        except UnicodeDecodeError as error:
            raise _BrokenLine(f"is not UTF-8 (byte {error.start + 1} of the line)") from error
        return text.removeprefix("\ufeff") if self.number == 1 else text

    def _read(self) -> bytes:
        line = self._stream.readline(LONGEST_LINE + 1)
        self.bytes += len(line)
        return line
