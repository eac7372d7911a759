"""What one entry says of another: every name must lead somewhere, every code must be unique."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from requests311.city.documents import Document
from requests311.city.format import (
    LISTS,
    AnswerRef,
    AreaRef,
    AttributeEntry,
    DepartmentEntry,
    DepartmentsFile,
    JurisdictionFile,
    RoutingFile,
    ServiceEntry,
    ServicesFile,
    UnitEntry,
)
from requests311.city.rules import Areas

Place = tuple[str | int, ...]


def departments_of(file: DepartmentsFile) -> Iterator[tuple[Place, UnitEntry, DepartmentEntry | None]]:
    """(place in the file, department, its agency where it is a unit), every agency before its units."""
    for index, agency in enumerate(file.departments):
        path: Place = ("departments", index)
        yield path, agency, None
        for number, unit in enumerate(agency.units):
            yield (*path, "units", number), unit, agency


def check_jurisdiction(document: Document, file: JurisdictionFile) -> None:
    """Codes of reasons are unique, and their texts are translated into the other languages only."""
    places: list[Place] = [("rejection_reasons", index) for index in range(len(file.rejection_reasons))]
    reasons = list(zip(places, file.rejection_reasons, strict=True))
    _refuse_twins(document, "rejection reason", [((*place, "code"), reason.code) for place, reason in reasons])
    translated = [(*place, "translations", tag) for place, reason in reasons for tag in reason.translations]
    _refuse_other_languages(document, translated, file.languages)


def check_departments(document: Document, file: DepartmentsFile) -> None:
    """Codes are unique, a team's within its department, and exactly one department is the dispatch desk."""
    found = list(departments_of(file))
    _refuse_twins(document, "department", [((*path, "code"), entry.code) for path, entry, _ in found])
    for path, entry, _ in found:
        teams = [((*path, "teams", number, "code"), team.code) for number, team in enumerate(entry.teams)]
        _refuse_twins(document, f"team of {entry.code}", teams)
    desks = [path for path, entry, _ in found if entry.dispatch_desk]
    if not desks:
        document.refuse(("departments",), "no department is the dispatch desk ('dispatch_desk: true')")
    for path in desks[1:]:
        line = document.line_of((*desks[0], "dispatch_desk"))
        document.refuse((*path, "dispatch_desk"), f"there is one dispatch desk already, in line {line}")


def check_services(document: Document, file: ServicesFile) -> None:
    """Codes, groups, and the attributes' dependencies and translations, within the file."""
    codes: list[tuple[Place, str]] = [(("services", i, "code"), s.code) for i, s in enumerate(file.services)]
    _refuse_twins(document, "service", codes)
    for index, service in enumerate(file.services):
        path: Place = ("services", index)
        if service.group:
            _refuse_unknown(document, (*path, "group"), "group", service.group, file.groups)
        _check_attributes(document, path, service)


def _check_attributes(document: Document, path: Place, service: ServiceEntry) -> None:
    places = [(*path, "attributes", index) for index in range(len(service.attributes))]
    attributes = list(zip(places, service.attributes, strict=True))
    _refuse_twins(document, "attribute", [((*place, "code"), entry.code) for place, entry in attributes])
    earlier: dict[str, AttributeEntry] = {}
    for place, entry in attributes:
        if entry.depends_on:
            _check_dependency(document, (*place, "depends_on"), entry.depends_on, earlier)
        for language, translation in entry.translations.items():
            for key in translation.values:
                where = (*place, "translations", language, "values", key)
                _refuse_unknown(document, where, "value", key, entry.values)
        earlier[entry.code] = entry


def _check_dependency(
    document: Document, path: Place, wanted: AnswerRef, earlier: Mapping[str, AttributeEntry]
) -> None:
    other = earlier.get(wanted.attribute)
    if other is None:
        _refuse_unknown(document, (*path, "attribute"), "earlier attribute", wanted.attribute, earlier)
    elif other.datatype not in LISTS:
        document.refuse((*path, "attribute"), f"{other.code} is no list, so no answer to it can be depended on")
    else:
        _refuse_unknown(document, (*path, "value"), f"value of {other.code}", wanted.value, other.values)


def check_languages(document: Document, file: ServicesFile, languages: Sequence[str]) -> None:
    """Texts stand in the jurisdiction's first language; only its others may be translated into."""
    used: list[Place] = [("groups", group, tag) for group, tags in file.groups.items() for tag in tags]
    for index, service in enumerate(file.services):
        path: Place = ("services", index)
        used += [(*path, "translations", tag) for tag in service.translations]
        for number, attribute in enumerate(service.attributes):
            used += [(*path, "attributes", number, "translations", tag) for tag in attribute.translations]
    _refuse_other_languages(document, used, languages)


def _refuse_other_languages(document: Document, used: Sequence[Place], languages: Sequence[str]) -> None:
    """Each place ends in the tag of a language."""
    for place in used:
        _refuse_unknown(document, place, "other language of the jurisdiction", str(place[-1]), languages[1:])


def check_offered_in(document: Document, file: ServicesFile, areas: Areas) -> None:
    for index, service in enumerate(file.services):
        for number, area in enumerate(service.offered_in):
            _refuse_unknown_area(document, ("services", index, "offered_in", number), area, areas)


def check_rule_departments(document: Document, file: RoutingFile, known: Collection[str]) -> None:
    for index, entry in enumerate(file.rules):
        if entry.department is not None:
            path: Place = ("rules", index, "department")
            _refuse_unknown(document, path, "department", entry.department, known)
        for code, department in entry.departments.items():
            _refuse_unknown(document, ("rules", index, "departments", code), "department", department, known)


def check_rule_areas(document: Document, file: RoutingFile, areas: Areas) -> None:
    for index, entry in enumerate(file.rules):
        if entry.area is not None:
            _refuse_unknown_area(document, ("rules", index, "area"), entry.area, areas)
        for code in entry.departments:
            if entry.by is not None:
                area = AreaRef(kind=entry.by, code=code)
                _refuse_unknown_area(document, ("rules", index, "departments", code), area, areas)


def check_rule_services(document: Document, file: RoutingFile, services: ServicesFile) -> None:
    """Services, groups, and the answers that `when` asks for."""
    by_code = {service.code: service for service in services.services}
    for index, entry in enumerate(file.rules):
        path: Place = ("rules", index)
        for number, group in enumerate(entry.groups):
            _refuse_unknown(document, (*path, "groups", number), "group", group, services.groups)
        for number, code in enumerate(entry.services):
            _refuse_unknown(document, (*path, "services", number), "service", code, by_code)
            if entry.when and code in by_code:
                _check_answer(document, (*path, "when"), entry.when, by_code[code])
            if entry.asset_kind and code in by_code:
                asked = by_code[code].asset
                kinds = [asked.kind] if asked else []
                _refuse_unknown(document, (*path, "asset_kind"), f"asset kind of {code}", entry.asset_kind, kinds)
        if entry.asset_kind and not entry.services:
            kinds = [service.asset.kind for service in services.services if service.asset]
            _refuse_unknown(document, (*path, "asset_kind"), "asset kind of a service", entry.asset_kind, kinds)


def _check_answer(document: Document, path: Place, wanted: AnswerRef, service: ServiceEntry) -> None:
    attributes = {attribute.code: attribute for attribute in service.attributes}
    attribute = attributes.get(wanted.attribute)
    if attribute is None:
        what = f"attribute of {service.code}"
        _refuse_unknown(document, (*path, "attribute"), what, wanted.attribute, attributes)
    elif attribute.values:
        what = f"value of {attribute.code} of {service.code}"
        _refuse_unknown(document, (*path, "value"), what, wanted.value, attribute.values)


def _refuse_unknown_area(document: Document, path: Place, area: AreaRef, areas: Areas) -> None:
    codes = [known.code for known in areas if known.kind == area.kind]
    if codes:
        _refuse_unknown(document, path, area.kind, area.code, codes)
    else:
        _refuse_unknown(document, path, "kind of area", area.kind, sorted({known.kind for known in areas}))


def _refuse_unknown(document: Document, path: Place, what: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]!r}?" if close else ""
        document.refuse(path, f"no {what} {name!r}{hint}")


def _refuse_twins(document: Document, what: str, codes: Sequence[tuple[Place, str]]) -> None:
    first: dict[str, Place] = {}
    for path, code in codes:
        if code in first:
            line = document.line_of(first[code])
            document.refuse(path, f"the {what} {code!r} stands in line {line} already")
        first.setdefault(code, path)
