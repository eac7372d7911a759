"""`manage.py load_assets lights.gpkg …`: brings a city's register of things into the database, or says why not."""

import argparse
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from geo.asset_loading import AssetFields, BrokenAssets, Loaded, load_assets
from geo.reading import Feature, UnreadableFile, open_features
from requests311.models import Department, Jurisdiction, Service

#: As a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130


class Command(BaseCommand):
    help = "Loads street lights, hydrants, trees, signs … from whatever GDAL reads, or a CSV with coordinates."
    requires_system_checks = []
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="GeoJSON, GeoPackage, Shapefile, CSV …: all assets of the kind")
        parser.add_argument("--jurisdiction", required=True, help="code of the city that they stand in")
        parser.add_argument("--kind", required=True, help="what they are, as services name it: street_light")
        parser.add_argument("--code-field", required=True, help="field with the code that stands on the thing")
        parser.add_argument("--name-field", default="", help="field with a name")
        owner = parser.add_mutually_exclusive_group()
        owner.add_argument("--owner-field", default="", help="field with the owning department's code")
        owner.add_argument("--owner", default="", help="code of the department that owns all of them")
        parser.add_argument("--crs", default="", help="EPSG:… where the file does not say it, or says it wrongly")
        parser.add_argument("--layer", default="", help="which layer, where the file has several")
        parser.add_argument("--longitude-field", default="", help="column of a CSV, if not longitude, lon or x")
        parser.add_argument("--latitude-field", default="", help="column of a CSV, if not latitude, lat or y")
        parser.add_argument("--problems", type=int, default=20, help="list at most so many problems (20)")
        parser.add_argument("--dry-run", action="store_true", help="say what would change and write nothing")

    def handle(self, *, file: Path, dry_run: bool, **options: Any) -> None:
        jurisdiction = _jurisdiction(options["jurisdiction"])
        _check(options)
        fields = AssetFields(
            code=options["code_field"],
            name=options["name_field"],
            owner_field=options["owner_field"],
            owner=options["owner"],
        )
        try:
            with open_features(
                file,
                crs=options["crs"],
                layer=options["layer"],
                longitude_field=options["longitude_field"],
                latitude_field=options["latitude_field"],
            ) as features:
                loaded = load_assets(
                    features,
                    root=jurisdiction.boundary,
                    kind=options["kind"],
                    fields=fields,
                    dry_run=dry_run,
                    problems_at_most=options["problems"],
                    progress=self._progress,
                    say=self.stderr.write,
                )
        except UnreadableFile as error:
            raise CommandError(f"{error}\n{file} is refused; nothing was written.") from error
        except BrokenAssets as error:
            count = len(error.problems)
            more = "" if error.all_read else ", and reading stopped there (--problems)"
            raise CommandError(
                f"{error}\n{file} is refused: {count} problem{'s' if count > 1 else ''}{more}; nothing was written."
            ) from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was written.", returncode=INTERRUPTED) from error
        for line in _warnings(jurisdiction, options["kind"], loaded):
            self.stderr.write(line)
        self.stdout.write(_summary(file, loaded, dry_run=dry_run))

    def _progress(self, features: Iterable[Feature], total: int | None) -> Iterable[Feature]:
        """A bar on a terminal, a line elsewhere; on stderr."""
        if not self.stderr.isatty():
            self.stderr.write("Reading …")
            return features
        return _with_bar(features, total)


def _with_bar(features: Iterable[Feature], total: int | None) -> Iterable[Feature]:
    columns = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        yield from bar.track(features, total=total)


def _jurisdiction(code: str) -> Jurisdiction:
    found = Jurisdiction.objects.select_related("boundary").filter(code=code).first()
    if found is None:
        known = ", ".join(Jurisdiction.objects.values_list("code", flat=True)) or "none; load_city loads one"
        raise CommandError(f"There is no jurisdiction {code!r}; there are {known}.")
    return found


def _check(options: dict[str, Any]) -> None:
    if not re.fullmatch(r"[-a-zA-Z0-9_]{1,40}", options["kind"]):
        raise CommandError(f"--kind {options['kind']!r}: 1 to 40 of a-z, digits, '-' and '_', such as street_light.")
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
