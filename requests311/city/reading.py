"""A folder → a City that holds together, or every reason why it does not."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from django.contrib.gis.geos import MultiPolygon
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from geo.loading import BrokenShape
from geo.models import Area
from requests311.city import references
from requests311.city.documents import Document
from requests311.city.format import (
    AreaRef,
    DepartmentsFile,
    JurisdictionFile,
    Part,
    RoutingFile,
    ServicesFile,
)
from requests311.city.problems import Problems
from requests311.city.rules import Rule, refuse_ties, rules_of
from requests311.city.shapes import BrokenSource, Shape, read_areas, read_boundary, union
from requests311.models import Datatype

T = TypeVar("T")
PartT = TypeVar("PartT", bound=Part)

FILES: dict[str, type[Part]] = {
    "jurisdiction": JurisdictionFile,
    "departments": DepartmentsFile,
    "services": ServicesFile,
    "routing": RoutingFile,
}


class Progress(Protocol):
    """Says in words how far a long job is."""

    def __call__(self, items: Sequence[T], what: str) -> Iterable[T]: ...


def silently(items: Sequence[T], what: str) -> Iterable[T]:
    """A Progress for tests and programs."""
    return items


@dataclass(frozen=True)
class City:
    """What the files say, checked. `areas` holds the jurisdiction's own boundary too, under its code."""

    jurisdiction: JurisdictionFile
    departments: DepartmentsFile
    services: ServicesFile
    rules: list[Rule]
    areas: dict[AreaRef, Shape]
    jurisdiction_document: Document


def read_city(folder: Path, progress: Progress = silently) -> City:
    """Reads and checks the whole folder without the database; raises BrokenCity with all problems."""
    problems = Problems()
    _refuse_strangers(folder, problems)
    documents = {name: Document.read(folder / f"{name}.yaml", problems) for name in FILES}
    jurisdiction = parse(documents["jurisdiction"], JurisdictionFile)
    departments = parse(documents["departments"], DepartmentsFile)
    services = parse(documents["services"], ServicesFile)
    routing = parse(documents["routing"], RoutingFile)
    areas = _areas(folder, documents["jurisdiction"], jurisdiction, progress)
    rules = rules_of(routing) if routing else []

    if (document := documents["jurisdiction"]) and jurisdiction:
        references.check_jurisdiction(document, jurisdiction)
    if (document := documents["departments"]) and departments:
        references.check_departments(document, departments)
    if (document := documents["services"]) and services:
        references.check_services(document, services)
        if jurisdiction:
            references.check_languages(document, services, jurisdiction.languages)
        if areas is not None:
            references.check_offered_in(document, services, areas)
    if (document := documents["routing"]) and routing:
        if departments:
            codes = [entry.code for _, entry, _ in references.departments_of(departments)]
            references.check_rule_departments(document, routing, codes)
        if areas is not None:
            references.check_rule_areas(document, routing, areas)
        if services:
            references.check_rule_services(document, routing, services)
            refuse_ties(document, rules, areas or {}, _many_answers(services))

    problems.refuse_if_any()
    # Nothing of it is absent, or there would have been a problem.
    assert jurisdiction and departments and services and areas and documents["jurisdiction"]  # noqa: PT018
    return City(jurisdiction, departments, services, rules, areas, documents["jurisdiction"])


def _refuse_strangers(folder: Path, problems: Problems) -> None:
    """A misspelt file name must not silently mean an absent file."""
    for path in sorted([*folder.glob("*.yaml"), *folder.glob("*.yml")]):
        if path.suffix != ".yaml" or path.stem not in FILES:
            problems.add(str(path), 1, f"is not one of {', '.join(f'{name}.yaml' for name in FILES)}")


def parse(document: Document | None, kind: type[PartT]) -> PartT | None:
    """The document as `kind`; None, with every problem noted, where it is not one."""
    if document is None:
        return None
    try:
        return kind.model_validate(document.tree)
    except ValidationError as error:
        for fault in error.errors(include_url=False, include_input=False):
            document.refuse(fault["loc"], _in_words(fault))
        return None


def _in_words(fault: ErrorDetails) -> str:
    key = fault["loc"][-1] if fault["loc"] else ""
    if fault["type"] == "extra_forbidden":
        return f"unknown key {key!r}"
    if fault["type"] == "missing":
        return f"the key {key!r} is missing"
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    return f"{key}: {fault['msg']}"


def _many_answers(services: ServicesFile) -> set[tuple[str, str]]:
    return {
        (service.code, attribute.code)
        for service in services.services
        for attribute in service.attributes
        if attribute.datatype == Datatype.MULTIVALUELIST
    }


def _areas(
    folder: Path, document: Document | None, file: JurisdictionFile | None, progress: Progress
) -> dict[AreaRef, Shape] | None:
    """The root first, then every source's areas; None, with the problem noted, where one cannot be read."""
    if document is None or file is None:
        return None
    areas: dict[AreaRef, Shape] = {}
    broken = False
    for index, source in progress(list(enumerate(file.areas)), "Reading boundaries"):
        try:
            for shape in read_areas(source, folder):
                ref = AreaRef(kind=shape.kind, code=shape.code)
                if ref in areas:
                    raise BrokenSource(f"{source.name()}: the {ref.kind} {ref.code!r} is there twice")
                areas[ref] = shape
        except BrokenSource as error:
            document.refuse(("areas", index), str(error))
            broken = True
    if broken:
        return None
    try:
        boundary = _boundary(folder, file, areas)
    except (BrokenSource, BrokenShape) as error:
        document.refuse(("boundary",), str(error))
        return None
    root = AreaRef(kind=Area.JURISDICTION, code=file.code)
    return {root: Shape(root.kind, root.code, file.name, boundary), **areas}


def _boundary(folder: Path, file: JurisdictionFile, areas: dict[AreaRef, Shape]) -> MultiPolygon:
    kind = file.boundary.union_of
    if kind is None:
        return read_boundary(file.boundary, folder)
    parts = [shape.boundary for ref, shape in areas.items() if ref.kind == kind]
    if not parts:
        raise BrokenSource(f"there is no area of kind {kind!r} to make the boundary of")
    return union(parts)
