"""The generated part of docs/performance.md, between its markers; what stands around it is written by people."""

from pathlib import Path
from typing import Any

from script.benchmark import table
from script.machine import ROOT, files
from script.machine.console import ScriptError

PAGE = ROOT / "docs" / "performance.md"
PICTURES = ROOT / "docs" / "performance"
BEGIN, END = "<!-- script/bench --write-docs: begin -->", "<!-- script/bench --write-docs: end -->"


def write(found: dict[str, Any], page: Path) -> None:
    """Puts the run's tables between the markers. Raises ScriptError where the page has none."""
    text = page.read_text() if page.exists() else ""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ScriptError(f"{page} has no part between {BEGIN} and {END}; nothing was written.")
    files.write(page, f"{before}{BEGIN}\n\n{part(found)}\n{END}{after}")


def part(found: dict[str, Any]) -> str:
    """Markdown of one run."""
    machine, conditions = found["machine"], found["conditions"]
    lines = [
        f"Measured {found['measured_at'][:10]} in {found['seconds'] / 60:.0f} minutes on {machine['cores']} cores"
        f" ({machine['processor'] or 'unknown processor'}), {machine['memory_megabytes'] / 1000:.0f} GB,"
        f" {machine['system']}, Python {machine['python']}; {machine['postgres'].partition(' on ')[0] or 'PostgreSQL'}."
        f" {conditions['seconds_a_measurement']} s of load for each figure, ours and the bare one in turns;"
        f" seed {conditions['seed']}.",
        "",
        "### Targets",
        "",
        *table.markdown(("target", "measured", ""), table.target_rows(found)),
        "",
        f"Targets {'met' if found['targets_met'] else 'not all met'}.",
        "",
        "![Calls a second](performance/throughput.svg)",
        "",
        "![Share of the bare limit](performance/ratio.svg)",
        "",
        "![Growth of p95](performance/growth.svg)",
        "",
        "### Every measurement",
        "",
        *table.markdown(table.HEAD, table.rows(found)),
        "",
        "### Growth, memory, filling",
        "",
        *_rest(found),
    ]
    return "\n".join(lines) + "\n"


def _rest(found: dict[str, Any]) -> list[str]:
    head = ("operation", "connections", "from", "to", "p95 grows ×", "bare p95 grows ×")
    body = (
        (
            row["operation"],
            str(row["concurrency"]),
            f"{row['from']:,}",
            f"{row['to']:,}",
            f"{row['p95']:.2f}",
            f"{row['bare_p95']:.2f}",
        )
        for row in found["growth"]
    )
    lines = [*table.markdown(head, body), ""]
    workers = ((f"{row['size']:,}", *_worker(worker)) for row in found["memory"] for worker in row["workers"])
    lines += [*table.markdown(("web worker after", "RSS MB", "PSS MB", "USS MB"), workers), ""]
    fills = (
        (f"{r['from']:,} to {r['to']:,}", f"{r['copy_seconds']:.0f}", f"{r['seconds']:.0f}", _megabytes(r))
        for r in found["fills"]
    )
    columns = ("filled", "seconds of COPY", "seconds with indexes and statistics", "tables with indexes, MB")
    lines += [*table.markdown(columns, fills), ""]
    slow = [(row, plan) for row in found["measurements"] for plan in row["slow_plans"]]
    lines.append(f"Plans over 50 ms (`auto_explain`): {len(slow)}.")
    for name in dict.fromkeys(row["title"] for row, _ in slow):
        those = [plan for row, plan in slow if row["title"] == name]
        scans = sorted({scanned for plan in those for scanned in plan["seq_scans"]})
        lines.append(
            f"- {name}: {len(those)}, the longest {max(plan['ms'] for plan in those):.0f} ms"
            + (f", reading {', '.join(scans)} from end to end" if scans else "")
        )
    if rest := found["push_at_rest"]:
        lines += ["", f"{rest['title']}: median {rest['median_seconds']:.2f} s, p95 {rest['p95_seconds']:.2f} s."]
    for absence in found["not_there_yet"]:
        lines += ["", f"Not there yet: {absence['operation']} ({absence['why']})."]
    for failure in found["failures"]:
        lines += ["", f"**Failed**: {failure['operation']} over {failure['size']:,} requests: {failure['why']}"]
    return lines


def _worker(worker: dict[str, float]) -> tuple[str, str, str]:
    return f"{worker['rss']:.0f}", f"{worker['pss']:.0f}", f"{worker['uss']:.0f}"


def _megabytes(fill: dict[str, Any]) -> str:
    return f"{sum(entry['with_indexes'] for entry in fill['tables'].values()) / 1e6:,.0f}"
