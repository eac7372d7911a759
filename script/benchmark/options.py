"""What can be asked of script/bench."""

import argparse
from collections.abc import Sequence
from pathlib import Path

SIZES = (10_000, 100_000, 1_000_000)
BIG = 10_000_000
OPERATIONS = (
    "submit", "submit_photo", "detail", "list_of_50", "queue", "transition", "box_of_100",
    "tile_z10", "tile_z14", "tile_z16", "locate", "open311_list", "push", "push_at_rest",
)  # fmt: skip


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="script/bench",
        description="Measures every operation beside its bare limit while the table grows, on a server and a database"
        " of its own below var/bench. Writes var/bench/<time>.json.",
        epilog="About twenty minutes by default. The exit code is 1 when a measurement fails, and with --strict also"
        " when a target is not met or not measured.",
    )
    parser.add_argument("--sizes", type=_sizes, default=SIZES, metavar="N,N", help="requests in the table, growing")
    parser.add_argument("--big", action="store_true", help=f"go on to {BIG:,} requests")
    parser.add_argument(
        "--only", type=_operations, default=OPERATIONS, metavar="NAME,NAME", help=f"of {', '.join(OPERATIONS)}"
    )
    parser.add_argument("--concurrency", type=_sizes, default=(1, 8), metavar="N,N", help="connections (default 1,8)")
    parser.add_argument(
        "--seconds", type=_seconds, default=4, metavar="N", help="of load for each measurement (default 4)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="a look: 2,000 and 10,000 requests, a second each, 500 devices"
    )
    parser.add_argument("--devices", type=_devices, default=10_000, metavar="N", help="of the push (default 10,000)")
    parser.add_argument("--seed", type=int, default=311, metavar="N", help="of the made-up requests (default 311)")
    parser.add_argument("--strict", action="store_true", help="an unmet target is a failure")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="only draw docs/performance/*.svg from a JSON file")
    parser.add_argument(
        "--write-docs",
        type=Path,
        metavar="FILE",
        help="only renew docs/performance.md and its pictures from a JSON file",
    )
    found = parser.parse_args(arguments)
    if found.quick:
        found.sizes, found.seconds, found.devices = (2_000, 10_000), 1, 500
    if found.big:
        found.sizes = (*found.sizes, BIG)
    return found


def _sizes(text: str) -> tuple[int, ...]:
    numbers = tuple(sorted({int(part.replace("_", "")) for part in text.split(",")}))
    if numbers[0] < 1 or numbers[-1] > BIG:
        raise argparse.ArgumentTypeError(f"numbers from 1 to {BIG}, separated by commas")
    return numbers


def _operations(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    unknown = set(names) - set(OPERATIONS)
    if unknown:
        raise argparse.ArgumentTypeError(
            f"{', '.join(sorted(unknown))}: no operation; there are {', '.join(OPERATIONS)}"
        )
    return names


def _seconds(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 60:
        raise argparse.ArgumentTypeError("from 1 to 60 seconds")
    return number


def _devices(text: str) -> int:
    number = int(text)
    if not 100 <= number <= 100_000:
        raise argparse.ArgumentTypeError("from 100 to 100,000 devices")
    return number
