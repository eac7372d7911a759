"""Pictures of a run for docs/performance.md: plain SVG, legible on a light and on a dark page."""

import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

from script.benchmark import targets

WIDTH = 860
_LEFT, _RIGHT, _ROW = 240, 90, 34
_OURS, _BARE, _TARGET, _INK, _LINE = "#1f77b4", "#b8c4ce", "#d62728", "#24292f", "#d0d7de"
_COLOURS = (
    "#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b",
    "#e377c2", "#7f7f7f", "#bcbd22", "#17becf", "#393b79",
)  # fmt: skip


def draw(found: dict[str, Any], folder: Path) -> list[Path]:
    """Writes every picture; the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = []
    for name, picture in (("throughput", throughput), ("ratio", ratio), ("growth", growth)):
        path = folder / f"{name}.svg"
        path.write_text(picture(found))
        drawn.append(path)
    return drawn


def throughput(found: dict[str, Any]) -> str:
    """Calls a second over the largest table, beside the bare work and the target."""
    size, rows = _largest(found)
    bounds = {t.operation: t.at_least for t in targets.TARGETS if t.figure == "per_second"}
    values = [
        (row["title"], row["ours"]["per_second"], row["bare"]["per_second"], bounds.get(row["operation"]))
        for row in rows
    ]
    if push := found["push"]:
        values.append((push["title"], push["ours"]["per_second"], push["bare"]["per_second"], None))
    title = f"Calls a second over {size:,} requests, {_conditions(rows)}; a logarithmic scale"
    return _bars(title, values, logarithmic=True, shown=lambda value: f"{value:,.0f}")


def ratio(found: dict[str, Any]) -> str:
    """The share of the bare limit that is reached."""
    size, rows = _largest(found)
    bounds = {t.operation: t.at_least for t in targets.TARGETS if t.figure == "ratio"}
    values = [(row["title"], row["ratio"] or 0.0, None, bounds.get(row["operation"])) for row in rows]
    if push := found["push"]:
        values.append((push["title"], push["ratio"], None, bounds["push"]))
    title = f"Share of the bare limit over {size:,} requests, {_conditions(rows)}"
    return _bars(title, values, logarithmic=False, shown=lambda value: f"{value:.2f}")


def growth(found: dict[str, Any]) -> str:
    """p95 over every size of the table, beside that over the smallest."""
    most = max((row["concurrency"] for row in found["measurements"]), default=0)
    lines: dict[str, list[tuple[int, float]]] = {}
    for row in sorted(found["measurements"], key=lambda row: int(row["size"])):
        if row["concurrency"] == most:
            lines.setdefault(row["title"], []).append((row["size"], row["ours"]["p95_ms"]))
    relative = {
        title: [(size, value / points[0][1]) for size, value in points]
        for title, points in lines.items()
        if points[0][1]
    }
    return _curves(f"p95 as the table grows, at concurrency {most}; 1 is that over the smallest table", relative)


def _largest(found: dict[str, Any]) -> tuple[int, list[dict[str, Any]]]:
    rows = found["measurements"]
    if not rows:
        return 0, []
    size, most = max(row["size"] for row in rows), max(row["concurrency"] for row in rows)
    return size, [row for row in rows if row["size"] == size and row["concurrency"] == most]


def _conditions(rows: Sequence[dict[str, Any]]) -> str:
    return f"concurrency {rows[0]['concurrency']}" if rows else "nothing was measured"


def _svg(height: int, body: Iterator[str] | Sequence[str], title: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="13" role="img" aria-label="{escape(title, {chr(34): ""})}">\n'
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>\n'
        f'<text x="16" y="26" font-size="15" fill="{_INK}">{escape(title)}</text>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _bars(
    title: str,
    values: Sequence[tuple[str, float, float | None, float | None]],
    *,
    logarithmic: bool,
    shown: Callable[[float], str],
) -> str:
    """A bar each for (name, ours, bare, target)."""
    numbers = [number for _, *rest in values for number in rest if number]
    top = max(numbers, default=1.0)
    width = WIDTH - _LEFT - _RIGHT

    def x(value: float) -> float:
        share = math.log10(max(value, 1.0)) / math.log10(max(top, 10.0)) if logarithmic else value / max(top, 1.0)
        return round(share * width, 1)

    body = []
    for at, (name, ours, bare, target) in enumerate(values):
        y = 46 + at * _ROW
        body.append(f'<text x="{_LEFT - 10}" y="{y + 17}" text-anchor="end" fill="{_INK}">{escape(name)}</text>')
        if bare:
            body.append(f'<rect x="{_LEFT}" y="{y}" width="{x(bare)}" height="24" fill="{_BARE}"/>')
        body.append(f'<rect x="{_LEFT}" y="{y + 4}" width="{x(ours)}" height="16" fill="{_OURS}"/>')
        if target:
            at_x = _LEFT + x(target)
            body.append(
                f'<line x1="{at_x}" x2="{at_x}" y1="{y - 3}" y2="{y + 27}" stroke="{_TARGET}" stroke-width="2"/>'
            )
        end = max(x(ours), x(bare or 0))
        body.append(f'<text x="{_LEFT + end + 8}" y="{y + 17}" fill="{_INK}">{shown(ours)}</text>')
    height = 46 + len(values) * _ROW + 34
    y = height - 20
    legend = [(_OURS, "ours")] + ([(_BARE, "bare")] if any(bare for _, _, bare, _ in values) else [])
    for at, (colour, words) in enumerate([*legend, (_TARGET, "target")]):
        body.append(f'<rect x="{_LEFT + at * 90}" y="{y}" width="12" height="12" fill="{colour}"/>')
        body.append(f'<text x="{_LEFT + at * 90 + 18}" y="{y + 11}" fill="{_INK}">{words}</text>')
    return _svg(height, body, title)


def _curves(title: str, lines: dict[str, list[tuple[int, float]]]) -> str:
    height, bottom, right = 430, 60, 240
    sizes = sorted({size for points in lines.values() for size, _ in points})
    top = max([1.5, *(value for points in lines.values() for _, value in points)])
    left = 60
    span = math.log10(sizes[-1] / sizes[0]) if len(sizes) > 1 else 1.0

    def x(size: int) -> float:
        return round(left + math.log10(size / sizes[0]) / span * (WIDTH - left - right), 1)

    def y(value: float) -> float:
        return round(height - bottom - value / top * (height - bottom - 50), 1)

    body = []
    for value in (0.0, 0.5, 1.0, 1.3, 1.5, 2.0, 3.0, 5.0, 10.0):
        if value <= top:
            colour = _TARGET if value == 1.3 else _LINE
            body.append(f'<line x1="{left}" x2="{WIDTH - right}" y1="{y(value)}" y2="{y(value)}" stroke="{colour}"/>')
            body.append(f'<text x="{left - 8}" y="{y(value) + 4}" text-anchor="end" fill="{_INK}">{value:g}</text>')
    for size in sizes:
        body.append(
            f'<text x="{x(size)}" y="{height - bottom + 22}" text-anchor="middle" fill="{_INK}">{size:,}</text>'
        )
    body.append(f'<text x="{left}" y="{height - 14}" fill="{_INK}">requests in the table; red: the target, 1.3</text>')
    for at, (name, points) in enumerate(lines.items()):
        colour = _COLOURS[at % len(_COLOURS)]
        path = " ".join(f"{x(size)},{y(value)}" for size, value in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        body += [f'<circle cx="{x(size)}" cy="{y(value)}" r="3" fill="{colour}"/>' for size, value in points]
        body.append(f'<rect x="{WIDTH - right + 24}" y="{52 + at * 22}" width="12" height="12" fill="{colour}"/>')
        body.append(f'<text x="{WIDTH - right + 42}" y="{63 + at * 22}" fill="{_INK}">{escape(name)}</text>')
    return _svg(height, body, title)
