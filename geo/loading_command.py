"""A command that loads a file of places: options, progress and endings that load_areas, load_assets and
load_addresses share."""

import argparse
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol, TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug
from django.db.models import Model, QuerySet
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from geo.coordinate_systems import UnreadableFile
from geo.point_files import LATITUDE_NAMES, LONGITUDE_NAMES, PointFile, open_points

#: As a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130
_KIND_AT_MOST = 40
#: Rows between two looks at the bar.
_ROWS = 200

RowT = TypeVar("RowT")
RowT_co = TypeVar("RowT_co", covariant=True)
ModelT = TypeVar("ModelT", bound=Model)


class OpenFile(Protocol[RowT_co]):
    """Iterating it gives its rows once; `done` of `total` says how far that is."""

    @property
    def total(self) -> int: ...
    @property
    def done(self) -> int: ...
    def __iter__(self) -> Iterator[RowT_co]: ...


class LoadingCommand(BaseCommand):
    """Ends with 0; with 1 where a file is refused; with 130 after Ctrl-C. All of a file is written, or nothing."""

    requires_system_checks = []
    requires_migrations_checks = True
    #: What it says while it reads.
    reading = "Reading rows"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="GeoJSON, GeoPackage, Shapefile (also zipped), FlatGeobuf, CSV …")
        parser.add_argument("--jurisdiction", required=True, metavar="CODE", help="whose they are")
        parser.add_argument("--layer", default="", help="which layer, where the file has several")
        parser.add_argument("--crs", default="", metavar="EPSG:…", help="coordinate system, where the file says none")
        parser.add_argument("--dry-run", action="store_true", help="say what would change and write nothing")

    @contextmanager
    def all_or_nothing(self, file: Path, *refusals: type[Exception]) -> Iterator[None]:
        """What ends a loading early, told so that a person knows that nothing was written."""
        try:
            yield
        except UnreadableFile as error:
            raise CommandError(f"{error}.\nNothing was written.") from error
        except refusals as error:
            raise CommandError(f"{file}: {error}.\nNothing was written.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was written.", returncode=INTERRUPTED) from error

    def say(self, text: str) -> None:
        self.stderr.write(text)

    def progress(self, file: OpenFile[RowT]) -> Iterable[RowT]:
        """The file's rows; a bar on a terminal, a line elsewhere; on stderr, so that what is printed can be kept."""
        if self.stderr.isatty():
            return _with_bar(file, self.reading)
        self.say(f"{self.reading} …")
        return file


class PointLoadingCommand(LoadingCommand):
    """One that loads points, which a CSV may hold too."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        for name, usual in (("longitude", LONGITUDE_NAMES), ("latitude", LATITUDE_NAMES)):
            shown = f"column of a CSV; by default {', '.join(usual)}"
            parser.add_argument(f"--{name}-field", default="", metavar="NAME", help=shown)

    def points(self, file: Path, options: dict[str, Any]) -> AbstractContextManager[PointFile]:
        names = ("crs", "layer", "longitude_field", "latitude_field")
        return open_points(file, **{name: options[name] for name in names})


def _with_bar(file: OpenFile[RowT], what: str) -> Iterator[RowT]:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(what, total=file.total or None)
        for number, row in enumerate(file):
            if number % _ROWS == 0:
                bars.update(task, completed=file.done)
            yield row


def jurisdiction(known: QuerySet[ModelT], code: str) -> ModelT:
    """The one of these with the code; raises CommandError, which names all."""
    found = known.filter(code=code).first()
    if found is None:
        codes = ", ".join(known.values_list("code", flat=True)) or "none; load_city makes one"
        raise CommandError(f"no jurisdiction {code!r} is loaded; there is {codes}")
    return found


def kind(text: str) -> str:
    """The value of --kind."""
    try:
        validate_slug(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: letters, digits, - and _ only, such as street_light") from error
    if len(text) > _KIND_AT_MOST:
        raise argparse.ArgumentTypeError(f"at most {_KIND_AT_MOST} characters")
    return text
