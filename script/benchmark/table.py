"""A run as a table: for the terminal and for docs/performance.md."""

from collections.abc import Iterator
from typing import Any

HEAD = (
    "operation", "table", "conn.", "calls/s", "p50 ms", "p95 ms", "p99 ms", "statements", "database ms",
    "CPU ms web", "CPU ms database", "bare/s", "of bare",
)  # fmt: skip


def rows(found: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """Every measurement, an operation's sizes and concurrencies below each other."""
    order = {row["operation"]: at for at, row in reversed(list(enumerate(found["measurements"])))}
    key = sorted(found["measurements"], key=lambda row: (order[row["operation"]], row["concurrency"], row["size"]))
    for row in key:
        ours, cpu = row["ours"], row["ours"]["cpu_ms_per_call"]
        yield (
            row["title"],
            f"{row['size']:,}",
            str(row["concurrency"]),
            _number(ours["per_second"]),
            *(f"{ours[name]:.1f}" for name in ("p50_ms", "p95_ms", "p99_ms")),
            f"{ours['statements_per_call']:.1f}",
            f"{ours['database_ms_per_call']:.2f}",
            f"{cpu.get('web', 0):.2f}",
            f"{cpu.get('postgres', 0):.2f}",
            _number(row["bare"]["per_second"]),
            "–" if row["ratio"] is None else f"{row['ratio']:.2f}",
        )
    if push := found["push"]:
        blank = ("",) * 7
        yield (
            push["title"],
            f"{push['size']:,}",
            "1 process",
            _number(push["ours"]["per_second"]),
            *blank,
            _number(push["bare"]["per_second"]),
            f"{push['ratio']:.2f}",
        )


def target_rows(found: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Each target in the issue's words, what was measured, and by how much it is missed."""
    for row in found["targets"]:
        words = (
            row["words"]
            if row["operation"] in row["words"] or "p95" not in row["figure"]
            else (f"{row['words']}: {row['operation']}")
        )
        if row["value"] is None:
            yield words, "not measured", "–"
            continue
        yield words, f"{row['value']:g}", "met" if row["met"] else f"missed by {_missed(row):.0%}"


def _missed(row: dict[str, Any]) -> float:
    if "at_least" in row:
        return float(1 - row["value"] / row["at_least"])
    return float(row["value"] / row["at_most"] - 1)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}"


def markdown(head: tuple[str, ...], body: Iterator[tuple[str, ...]], *, words: int = 1) -> list[str]:
    """The first `words` columns are text, the others figures."""
    ruler = ["---"] * words + ["--:"] * (len(head) - words)
    return [f"| {' | '.join(head)} |", f"| {' | '.join(ruler)} |", *(f"| {' | '.join(row)} |" for row in body)]


def console(found: dict[str, Any]) -> list[str]:
    """For a person at a terminal."""
    body = [HEAD, *rows(found)]
    widths = [max(len(row[at]) for row in body) for at in range(len(HEAD))]
    lines = [""]
    for row in body:
        cells = [row[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))]
        lines.append("  ".join(cells).rstrip())
    lines.append("")
    for growth in found["growth"]:
        lines.append(
            f"p95 of {growth['operation']} at {growth['concurrency']} from {growth['from']:,} to {growth['to']:,}: "
            f"× {growth['p95']:.2f} (bare × {growth['bare_p95']:.2f})"
        )
    for row in found["memory"]:
        told = ", ".join(f"{w['rss']:.0f} (PSS {w['pss']:.0f}, USS {w['uss']:.0f})" for w in row["workers"])
        lines.append(f"Web workers after the load over {row['size']:,}: {told} MB")
    for row in found["fills"]:
        lines.append(
            f"Filled from {row['from']:,} to {row['to']:,} requests in {row['seconds']:.0f} s,"
            f" {row['copy_seconds']:.0f} of them COPY"
        )
    if rest := found["push_at_rest"]:
        lines.append(f"{rest['title']}: median {rest['median_seconds']:.2f} s, at most {rest['max_seconds']:.2f} s")
    slow = [plan for row in found["measurements"] for plan in row["slow_plans"]]
    lines.append(
        f"Plans over 50 ms: {len(slow)}" + (f", the longest {max(p['ms'] for p in slow):.0f} ms" if slow else "")
    )
    for absence in found["not_there_yet"]:
        lines.append(f"Not there yet: {absence['operation']} ({absence['why']})")
    lines.append("")
    for words, value, outcome in target_rows(found):
        lines.append(f"  {outcome:<16} {value:>12}  {words}")
    lines.append(f"\nTargets {'met' if found['targets_met'] else 'NOT all met'}.")
    return lines
