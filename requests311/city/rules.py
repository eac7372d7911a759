"""The entries of routing.yaml as single rules, and which of them tie."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import combinations

from geo.models import Area
from requests311.city.documents import Document
from requests311.city.format import AreaRef, RoutingFile, RuleEntry
from requests311.city.shapes import Shape
from requests311.models import RoutingRule

Areas = Mapping[AreaRef, Shape]


@dataclass(frozen=True)
class Rule:
    """One rule as it will stand in the database, with the place in the file that it comes from."""

    path: tuple[str | int, ...]
    service: str
    group: str
    area: AreaRef | None
    asset_kind: str
    attribute: str
    value: str
    department: str
    rank: int
    valid_from: date | None
    valid_to: date | None

    def __str__(self) -> str:
        what = self.service or self.group or "every service"
        where = f" in {self.area.kind} {self.area.code}" if self.area else ""
        answer = f" where {self.attribute} is {self.value}" if self.attribute else ""
        thing = f" about a {self.asset_kind}" if self.asset_kind else ""
        return f"{what}{where}{thing}{answer}"


def rules_of(routing: RoutingFile) -> list[Rule]:
    """Every entry spelled out, in the order of the file."""
    return [rule for index, entry in enumerate(routing.rules) for rule in _spelled_out(entry, ("rules", index))]


def _spelled_out(entry: RuleEntry, path: tuple[str | int, ...]) -> Iterator[Rule]:
    targets = [(service, "") for service in entry.services] or [("", group) for group in entry.groups] or [("", "")]
    for service, group in targets:
        for area, department, place in _places(entry, path):
            yield Rule(
                path=place,
                service=service,
                group=group,
                area=area,
                asset_kind=entry.asset_kind or "",
                attribute=entry.when.attribute if entry.when else "",
                value=entry.when.value if entry.when else "",
                department=department,
                rank=entry.rank,
                valid_from=entry.valid_from,
                valid_to=entry.valid_to,
            )


def _places(
    entry: RuleEntry, path: tuple[str | int, ...]
) -> Iterator[tuple[AreaRef | None, str, tuple[str | int, ...]]]:
    if entry.department is not None:
        yield entry.area, entry.department, path
    for code, department in entry.departments.items():
        assert entry.by is not None
        yield AreaRef(kind=entry.by, code=code), department, (*path, "departments", code)


def refuse_ties(document: Document, rules: list[Rule], areas: Areas, many_answers: Collection[tuple[str, str]]) -> None:
    """Notes every two rules of which neither is more specific, by the model's own judgement.

    `many_answers` are the (service, attribute) pairs of multivaluelists: two answers to one of those may
    both be given, so two rules that ask for different ones tie as well.
    """
    ids = {ref: number for number, ref in enumerate(areas, start=1)}
    rivals = defaultdict(list)
    for rule in rules:
        if rule.area is None or rule.area in areas:
            rivals[rule.service, rule.group, rule.rank].append(
                (rule, _unsaved(rule, areas, ids, many=(rule.service, rule.attribute) in many_answers))
            )
    for group in rivals.values():
        for (first, one), (second, other) in combinations(group, 2):
            if one.ties_with(other):
                line = document.line_of(first.path)
                document.refuse(
                    second.path,
                    f"ties with line {line}: {second} and {first} both fit the same report and neither is more "
                    "specific; give one a higher rank, or dates that do not overlap",
                )


def _unsaved(rule: Rule, areas: Areas, ids: Mapping[AreaRef, int], *, many: bool) -> RoutingRule:
    area = None
    if rule.area is not None:
        # Sizes are only compared for being equal, so square degrees do as well as square metres.
        size = areas[rule.area].boundary.area
        area = Area(pk=ids[rule.area], kind=rule.area.kind, square_metres=size)
    return RoutingRule(
        area=area,
        asset_kind=rule.asset_kind,
        attribute=rule.attribute,
        value="any" if many else rule.value,
        valid_from=rule.valid_from,
        valid_to=rule.valid_to,
    )
