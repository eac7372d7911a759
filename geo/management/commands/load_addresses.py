"""`manage.py load_addresses FILE --jurisdiction CODE`: the address points of a city, all of them or none."""

import argparse
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from geo import loading_command
from geo.address_loading import LABEL, BadLabel, Outcome, load_addresses
from geo.loading_command import PointLoadingCommand
from geo.models import Area

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


class Command(PointLoadingCommand):
    help = (
        "Loads the address points of a jurisdiction: OpenAddresses CSV as it is, other CSV and whatever GDAL reads "
        "by naming the fields. What the file no longer has is removed. One wrong row, and nothing is written."
    )
    reading = "Reading addresses"

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        super().add_arguments(parser)
        for name, names in NAMES.items():
            usual = f"; by default {', '.join(names)}" if names else "; by default a digest of the address"
            parser.add_argument(f"--{name}-field", metavar="NAME", help=f"field of the {name}{usual}")
        parser.add_argument("--label", default=LABEL, metavar="PATTERN", help=f"how people write an address: {LABEL}")

    def handle(self, *, file: Path, jurisdiction: str, **options: Any) -> None:
        root = loading_command.jurisdiction(Area.objects.filter(parent=None).defer("boundary"), jurisdiction)
        wanted = {name: [options[f"{name}_field"]] if options[f"{name}_field"] else names
                  for name, names in NAMES.items()}  # fmt: skip
        with (
            self.all_or_nothing(file, BadLabel),
            self.points(file, options) as points,
        ):
            outcome = load_addresses(
                points,
                jurisdiction=root,
                wanted=wanted,
                label=options["label"],
                dry_run=options["dry_run"],
                progress=self.progress,
            )
        if outcome.refused:
            raise CommandError(_refusal(file, outcome))
        self.stdout.write(_summary(file, root, outcome, dry_run=options["dry_run"]))


def _refusal(file: Path, outcome: Outcome) -> str:
    told = [f"{file}: {fault.where}: {fault.reason}" for fault in outcome.faults]
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
