"""`manage.py load_assets lights.gpkg …`: brings a city's register of things into the database, or says why not."""

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from geo import loading_command
from geo.asset_loading import AssetFields, BrokenAssets, Loaded, load_assets
from geo.loading_command import PointLoadingCommand
from requests311.models import Department, Jurisdiction, Service


class Command(PointLoadingCommand):
    help = "Loads street lights, hydrants, trees, signs … from whatever GDAL reads, or a CSV with coordinates."
    reading = "Reading"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--kind", required=True, type=loading_command.kind, help="what they are, as services name it: street_light"
        )
        parser.add_argument("--code-field", required=True, help="field with the code that stands on the thing")
        parser.add_argument("--name-field", default="", help="field with a name")
        owner = parser.add_mutually_exclusive_group()
        owner.add_argument("--owner-field", default="", help="field with the owning department's code")
        owner.add_argument("--owner", default="", help="code of the department that owns all of them")
        parser.add_argument("--problems", type=int, default=20, help="list at most so many problems (20)")

    def handle(self, *, file: Path, dry_run: bool, **options: Any) -> None:
        jurisdiction = loading_command.jurisdiction(
            Jurisdiction.objects.select_related("boundary"), options["jurisdiction"]
        )
        _check(options)
        fields = AssetFields(
            code=options["code_field"],
            name=options["name_field"],
            owner_field=options["owner_field"],
            owner=options["owner"],
        )
        try:
            with (
                self.all_or_nothing(file),
                self.points(file, options) as points,
            ):
                loaded = load_assets(
                    points,
                    root=jurisdiction.boundary,
                    kind=options["kind"],
                    fields=fields,
                    dry_run=dry_run,
                    problems_at_most=options["problems"],
                    progress=self.progress,
                    say=self.say,
                )
        except BrokenAssets as error:
            count = len(error.problems)
            more = "" if error.all_read else ", and reading stopped there (--problems)"
            raise CommandError(
                f"{error}\n{file} is refused: {count} problem{'s' if count > 1 else ''}{more}; nothing was written."
            ) from error
        for line in _warnings(jurisdiction, options["kind"], loaded):
            self.say(line)
        self.stdout.write(_summary(file, loaded, dry_run=dry_run))


def _check(options: dict[str, Any]) -> None:
    if len(options["owner"]) > 60:
        raise CommandError("--owner has at most 60 characters.")
    if options["problems"] < 1:
        raise CommandError("--problems is at least 1.")


def _warnings(jurisdiction: Jurisdiction, kind: str, loaded: Loaded) -> Iterable[str]:
    """What is no fault of the file, and will surprise somebody later."""
    active = set(Department.objects.filter(jurisdiction=jurisdiction, active=True).values_list("code", flat=True))
    for owner, count in loaded.owners.items():
        if owner not in active:
            yield (
                f"Owner {owner!r} of {count:,} is no active department of {jurisdiction}: "
                "reports of those go where the rules say."
            )
    if loaded.outside:
        yield f"{loaded.outside:,} lie outside the boundary of {jurisdiction}: reports of those will be refused."
    if not Service.objects.filter(jurisdiction=jurisdiction, active=True, asset_kind=kind).exists():
        yield f"No service of {jurisdiction} asks for a {kind} yet (`asset: {{kind: {kind}}}` in services.yaml)."


def _summary(file: Path, loaded: Loaded, *, dry_run: bool) -> str:
    counts = [
        (loaded.new, "new"),
        (loaded.changed, "changed"),
        (loaded.returned, "back"),
        (loaded.retired, "retired"),
        (loaded.unchanged, "as they were"),
    ]
    what = ", ".join(f"{count:,} {word}" for count, word in counts if count)
    return f"{file}: {what}; nothing was written (dry run)." if dry_run else f"{file}: {what}."
