"""`manage.py load_areas wards.gpkg …`: brings the areas of one kind into the database, or says why not."""

import argparse
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.core.validators import validate_slug
from rich.console import Console
from rich.progress import track

from geo.incoming import AreaFile, BrokenFile, Row
from geo.models import Area
from geo.outlines import TooManyVertices
from geo.versions import Outcome, RefusedAreas
from requests311.city.areas import load_areas
from requests311.models import Jurisdiction

#: As a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130
_KIND_AT_MOST = 40


class Command(BaseCommand):
    help = "Loads the areas of one kind (wards, districts …) from any file of polygons that GDAL reads."
    requires_system_checks = []
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="GeoJSON, GeoPackage, Shapefile (also zipped), FlatGeobuf …")
        parser.add_argument("--jurisdiction", required=True, help="code of the jurisdiction they are parts of")
        parser.add_argument("--kind", required=True, type=_kind, help="ward, community_district, neighbourhood …")
        parser.add_argument("--code-field", required=True, help="the field with the code that rules and apps keep")
        parser.add_argument("--name-field", required=True, help="the field with the name that people read")
        parser.add_argument("--layer", default="", help="for a file with several")
        parser.add_argument("--crs", default="", help="EPSG:… of a file that does not say it itself")
        parser.add_argument(
            "--valid-from",
            type=_day,
            help="first day (YYYY-MM-DD) of what the file says; today, or since ever if the kind is new",
        )
        parser.add_argument("--allow-overlaps", action="store_true", help="where areas lie on each other on purpose")
        parser.add_argument("--dry-run", action="store_true", help="print the difference and write nothing")

    def handle(self, *, file: Path, jurisdiction: str, kind: str, dry_run: bool, **options: Any) -> None:
        try:
            outcome = load_areas(
                AreaFile(
                    file,
                    code_field=options["code_field"],
                    name_field=options["name_field"],
                    layer=options["layer"],
                    crs=options["crs"],
                ),
                jurisdiction=_jurisdiction(jurisdiction),
                kind=kind,
                valid_from=options["valid_from"],
                allow_overlaps=options["allow_overlaps"],
                dry_run=dry_run,
                progress=self._progress,
                say=self._say,
            )
        except BrokenFile as error:
            raise CommandError(f"{error}.\nNothing was written.") from error
        except (RefusedAreas, TooManyVertices) as error:
            raise CommandError(f"{file}: {error}.\nNothing was written.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was written.", returncode=INTERRUPTED) from error
        for line in outcome.warnings:
            self._say(f"warning: {line}")
        self.stdout.write(_told(file, kind, outcome, dry_run=dry_run, verbose=options["verbosity"] > 1))

    def _say(self, text: str) -> None:
        self.stderr.write(text)

    def _progress(self, file: AreaFile, what: str) -> Iterable[Row]:
        """A bar on a terminal, a line elsewhere; on stderr, so that a printed difference can be kept."""
        if self.stderr.isatty():
            return track(file, description=what, total=len(file), console=Console(stderr=True), transient=True)
        self._say(f"{what} …")
        return file


def _kind(text: str) -> str:
    try:
        validate_slug(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError("letters, digits, - and _ only") from error
    if len(text) > _KIND_AT_MOST:
        raise argparse.ArgumentTypeError(f"at most {_KIND_AT_MOST} characters")
    if text == Area.JURISDICTION:
        raise argparse.ArgumentTypeError("the jurisdiction's own boundary comes with load_city")
    return text


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write YYYY-MM-DD") from error


def _jurisdiction(code: str) -> Jurisdiction:
    found = Jurisdiction.objects.select_related("boundary").filter(code=code).first()
    if found is None:
        known = ", ".join(Jurisdiction.objects.values_list("code", flat=True)) or "none; load_city makes one"
        raise CommandError(f"no jurisdiction {code!r} is loaded; there is {known}")
    return found


def _told(file: Path, kind: str, outcome: Outcome, *, dry_run: bool, verbose: bool) -> str:
    lines = [f"repaired: {line}" for line in outcome.repaired]
    for change in outcome.changes:
        # A first loading makes hundreds; what is changed or gone is always said.
        if dry_run or verbose or change.sign != "+":
            details = f"\n    {change.details}" if change.details else ""
            lines.append(f"{change.sign} {kind} {change.code} {change.name!r}{details}")
    counts = [(sum(c.sign == sign for c in outcome.changes), word) for sign, word in _WORDS]
    what = ", ".join(f"{count} {word}" for count, word in [*counts, (outcome.unchanged, "unchanged")])
    if not outcome.changes:
        return "\n".join([*lines, f"{file}: nothing to change; {outcome.unchanged} unchanged."])
    since = outcome.valid_from.isoformat() if outcome.valid_from else "ever"
    end = "; nothing was written (dry run)" if dry_run else ""
    lines.append(f"{file}: {what}, {len(outcome.repaired)} repaired; valid since {since}{end}.")
    return "\n".join(lines)


_WORDS = (("+", "new"), ("~", "changed"), ("-", "gone"))
