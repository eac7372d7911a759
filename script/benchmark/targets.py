"""What was asked for, in the issue's own words, and whether a figure meets it."""

from dataclasses import dataclass
from typing import Any

#: "Targets on 2 cores, web server and database and load tool sharing them, concurrency 8, one million requests".
SIZE, CONCURRENCY = 1_000_000, 8


@dataclass(frozen=True)
class Target:
    """A bound on one figure of one operation ("*": of every operation that has it)."""

    operation: str
    figure: str
    words: str
    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


TARGETS = (
    Target("submit", "per_second", "submit ≥ 330/s (15 × Signalen's best)", at_least=330),
    Target("submit", "ratio", "submit ≥ 0.12 of the bare insert", at_least=0.12),
    Target("transition", "per_second", "transition ≥ 250/s", at_least=250),
    Target("detail", "per_second", "detail ≥ 700/s", at_least=700),
    Target("list_of_50", "per_second", "list of 50 ≥ 700/s (250 ×)", at_least=700),
    Target("box_of_100", "ratio", "box of 100 ≥ 0.85 of the bare SQL", at_least=0.85),
    Target("tile_z14", "ratio", "z 14 tile ≥ 0.85 of the bare SQL", at_least=0.85),
    Target("locate", "per_second", "locate ≥ 900/s", at_least=900),
    Target("submit_photo", "per_second", "photo submit ≥ 80/s", at_least=80),
    Target("submit_photo", "memory_growth", "photo submit with memory flat", at_most=1.10),
    Target("fill", "seconds_a_million", "a million requests by COPY in under 3 minutes", at_most=180),
    Target("*", "p95_growth", "p95 from 10,000 to 1,000,000 requests grows at most 1.3 ×", at_most=1.3),
    Target("web", "worker_megabytes", "web worker ≤ 160 MB after the load", at_most=160),
    Target("push", "ratio", "push ≥ 0.9 of what bare firebase-admin sends per process", at_least=0.9),
    Target("push_at_rest", "median_seconds", "a push within 2 s of the change of status, at rest", at_most=2.0),
)


@dataclass(frozen=True)
class Verdict:
    """One target beside what was measured; `value` is None where that was not measured in this run."""

    target: Target
    operation: str
    value: float | None

    @property
    def met(self) -> bool | None:
        return None if self.value is None else self.target.met(self.value)

    def as_json(self) -> dict[str, Any]:
        bound = {"at_least": self.target.at_least} if self.target.at_least is not None else {}
        bound |= {"at_most": self.target.at_most} if self.target.at_most is not None else {}
        return {
            "operation": self.operation,
            "figure": self.target.figure,
            "words": self.target.words,
            **bound,
            "value": self.value,
            "met": self.met,
        }


def judge(figures: dict[str, dict[str, float]]) -> list[Verdict]:
    """Every target against `figures`: operation → figure → value, at the targets' own size and concurrency."""
    found = []
    for target in TARGETS:
        if target.operation == "*":
            found += [
                Verdict(target, operation, row[target.figure])
                for operation, row in figures.items()
                if target.figure in row
            ] or [Verdict(target, "*", None)]
        else:
            found.append(Verdict(target, target.operation, figures.get(target.operation, {}).get(target.figure)))
    return found
