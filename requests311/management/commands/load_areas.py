"""`manage.py load_areas wards.gpkg …`: brings the areas of one kind into the database, or says why not."""

import argparse
from datetime import date
from pathlib import Path
from typing import Any

from geo import loading_command
from geo.area_files import AreaFile
from geo.loading_command import LoadingCommand
from geo.models import Area
from geo.outlines import TooManyVertices
from geo.versions import Outcome, RefusedAreas
from requests311.city.areas import load_areas
from requests311.models import Jurisdiction


class Command(LoadingCommand):
    help = "Loads the areas of one kind (wards, districts …) from any file of polygons that GDAL reads."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--kind", required=True, type=_kind, help="ward, community_district, neighbourhood …")
        parser.add_argument("--code-field", required=True, help="the field with the code that rules and apps keep")
        parser.add_argument("--name-field", required=True, help="the field with the name that people read")
        parser.add_argument(
            "--valid-from",
            type=_day,
            help="first day (YYYY-MM-DD) of what the file says; today, or since ever if the kind is new",
        )
        parser.add_argument("--allow-overlaps", action="store_true", help="where areas lie on each other on purpose")

    def handle(self, *, file: Path, jurisdiction: str, kind: str, dry_run: bool, **options: Any) -> None:
        with self.all_or_nothing(file, RefusedAreas, TooManyVertices):
            outcome = load_areas(
                AreaFile(
                    file,
                    code_field=options["code_field"],
                    name_field=options["name_field"],
                    layer=options["layer"],
                    crs=options["crs"],
                ),
                jurisdiction=loading_command.jurisdiction(
                    Jurisdiction.objects.select_related("boundary"), jurisdiction
                ),
                kind=kind,
                valid_from=options["valid_from"],
                allow_overlaps=options["allow_overlaps"],
                dry_run=dry_run,
                progress=self.progress,
                say=self.say,
            )
        for line in outcome.warnings:
            self.say(f"warning: {line}")
        self.stdout.write(_told(file, kind, outcome, dry_run=dry_run, verbose=options["verbosity"] > 1))


def _kind(text: str) -> str:
    if text == Area.JURISDICTION:
        raise argparse.ArgumentTypeError("the jurisdiction's own boundary comes with load_city")
    return loading_command.kind(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no day; write YYYY-MM-DD") from error


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
