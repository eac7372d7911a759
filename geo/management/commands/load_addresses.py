"""`manage.py load_addresses FILE --jurisdiction CODE`: the address points of a city, all of them or none."""

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from geo.address_loading import LABEL, BadLabel, Outcome, label_parts, load_addresses
from geo.models import Area
from geo.rows import Source, UnreadableFile, open_rows

#: As a shell reports a program that Ctrl-C ended.
INTERRUPTED = 130

#: Names that files use, OpenAddresses' first; an option takes their place.
NAMES: dict[str, list[str]] = {
    # No name is looked for: what a file calls its id is often one of a parcel or a building and not of an address.
    "code": [],
    "number": ["number", "house_number", "housenumber", "addr:housenumber", "street_number"],
    "street": ["street", "street_name", "addr:street", "road"],
    "unit": ["unit", "addr:unit", "apartment"],
    "city": ["city", "addr:city", "town", "municipality"],
    "region": ["region", "state", "province", "addr:state"],
    "postcode": ["postcode", "postal_code", "addr:postcode", "zipcode", "zip_code", "zip"],
}
PLACE = (["lon", "longitude", "lng", "x"], ["lat", "latitude", "y"])


class Command(BaseCommand):
    help = (
        "Loads the address points of a jurisdiction: OpenAddresses CSV as it is, other CSV and whatever GDAL reads "
        "by naming the fields. What the file no longer has is removed. One wrong row, and nothing is written."
    )
    requires_migrations_checks = True

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--jurisdiction", required=True, metavar="CODE", help="whose addresses they are")
        for name, names in NAMES.items():
            usual = f"; by default {', '.join(names)}" if names else "; by default a digest of the address"
            parser.add_argument(f"--{name}-field", metavar="NAME", help=f"field of the {name}{usual}")
        parser.add_argument("--longitude-field", metavar="NAME", help="of a CSV; by default LON, longitude, lng, x")
        parser.add_argument("--latitude-field", metavar="NAME", help="of a CSV; by default LAT, latitude, y")
        parser.add_argument("--label", default=LABEL, metavar="PATTERN", help=f"how people write an address: {LABEL}")
        parser.add_argument("--crs", default="", metavar="EPSG:…", help="coordinate system, where the file says none")
        parser.add_argument("--layer", default="", help="of a file that has several")
        parser.add_argument("--dry-run", action="store_true", help="check and count, and write nothing")

    def handle(self, *, file: Path, jurisdiction: str, **options: Any) -> None:
        root = self._root(jurisdiction)
        wanted = {name: [options[f"{name}_field"]] if options[f"{name}_field"] else names
                  for name, names in NAMES.items()}  # fmt: skip
        longitude, latitude = options["longitude_field"], options["latitude_field"]
        place = ([longitude] if longitude else PLACE[0], [latitude] if latitude else PLACE[1])
        try:
            label_parts(options["label"])
            with open_rows(file, wanted, place=place, crs=options["crs"], layer=options["layer"]) as source:
                outcome = self._load(source, root, options)
        except (UnreadableFile, BadLabel) as error:
            raise CommandError(f"{error} Nothing was written.") from error
        except KeyboardInterrupt as error:
            raise CommandError("Interrupted; nothing was written.", returncode=INTERRUPTED) from error
        if outcome.refused:
            raise CommandError(_refusal(file, outcome))
        self.stdout.write(_summary(file, root, outcome, dry_run=options["dry_run"]))

    def _root(self, code: str) -> Area:
        roots = Area.objects.filter(parent=None).defer("boundary")
        root = roots.filter(code=code).first()
        if root is None:
            known = ", ".join(roots.values_list("code", flat=True)) or "none is loaded; see manage.py load_city"
            raise CommandError(f"--jurisdiction {code}: there is no such jurisdiction; known: {known}.")
        return root

    def _load(self, source: Source, root: Area, options: dict[str, Any]) -> Outcome:
        with self._bar(source) as progress:
            return load_addresses(
                source, jurisdiction=root, label=options["label"], dry_run=options["dry_run"], progress=progress
            )

    @contextmanager
    def _bar(self, source: Source) -> Iterator[Callable[[int], object]]:
        """A bar on a terminal, a line elsewhere; on stderr, so that what is printed can be kept."""
        if not self.stderr.isatty():
            self.stderr.write("Reading addresses …")
            yield lambda done: None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task("Reading addresses", total=source.total or None)

            def show(done: int) -> None:
                what = "Writing addresses" if done >= source.total else "Reading addresses"
                bars.update(task, completed=done, description=what)

            yield show


def _refusal(file: Path, outcome: Outcome) -> str:
    told = [f"{file}: {fault.where} {fault.reason}" for fault in outcome.faults]
    if outcome.faulty > len(told):
        told.append(f"… and {outcome.faulty - len(told):,} more")
    rows = "1 row is" if outcome.faulty == 1 else f"{outcome.faulty:,} rows are"
    told.append(f"{file} is refused: {rows} wrong of {outcome.rows:,}; nothing was written. Mend or remove them.")
    return "\n".join(told)


def _summary(file: Path, root: Area, outcome: Outcome, *, dry_run: bool) -> str:
    what = f"{outcome.new:,} new, {outcome.changed:,} changed, {outcome.removed:,} removed"
    if outcome.repeated:
        what += f", {outcome.repeated:,} repeat another"
    end = "; nothing was written (dry run)." if dry_run else "."
    return f"{file}: {outcome.rows:,} addresses of {root.name}: {what}{end}"
