from typing import Any

from requests311.city.difference import Difference, save
from requests311.city.format import AttributeEntry, ServiceEntry, ServicesFile
from requests311.city.store.areas import Stored
from requests311.models import AssetPolicy, Attribute, DueUnit, Jurisdiction, Service, ServiceArea


def store_services(
    jurisdiction: Jurisdiction, file: ServicesFile, areas: Stored, difference: Difference
) -> dict[str, Service]:
    """The services of the files by code; others of this jurisdiction are no longer offered."""
    there = {
        service.code: service
        for service in Service.objects.filter(jurisdiction=jurisdiction).prefetch_related(
            "attributes", "servicearea_set"
        )
    }
    wanted = {entry.code for entry in file.services}
    for code, service in there.items():
        if code not in wanted and service.active:
            save(service, {"active": False})
            difference.removed(f"service {code}", "no longer offered")
    return {
        entry.code: _store_service(jurisdiction, entry, there.get(entry.code), file, areas, difference)
        for entry in file.services
    }


def _store_service(
    jurisdiction: Jurisdiction,
    entry: ServiceEntry,
    old: Service | None,
    file: ServicesFile,
    areas: Stored,
    difference: Difference,
) -> Service:
    row = old or Service(jurisdiction=jurisdiction, code=entry.code)
    details = save(row, _values(entry, file))
    offered = _store_offered_in(row, {areas[ref].pk for ref in entry.offered_in}, is_new=old is None)
    if old is None:
        difference.created(f"service {entry.code} {entry.name!r}")
    else:
        difference.changed(f"service {entry.code}", details + offered)
    _store_attributes(row, entry, difference, is_new=old is None)
    return row


def _values(entry: ServiceEntry, file: ServicesFile) -> dict[str, Any]:
    return {
        "name": entry.name,
        "description": entry.description,
        "group": entry.group,
        "keywords": list(entry.keywords),
        "translations": _translations(entry, file),
        "photo": entry.photo.value,
        "asset": _asset_policy(entry).value,
        "asset_kind": entry.asset.kind if entry.asset else "",
        "visibility": entry.visibility.value,
        "due_after": entry.due.after if entry.due else None,
        "due_unit": (entry.due.unit if entry.due else DueUnit.WORKING_DAYS).value,
        "first_response_after": entry.first_response.after if entry.first_response else None,
        "first_response_unit": (entry.first_response.unit if entry.first_response else DueUnit.WORKING_HOURS).value,
        "priority": entry.priority.value,
        "resolutions": [resolution.value for resolution in entry.resolutions],
        "completion_photo": entry.completion_photo,
        "active": True,
    }


def _asset_policy(entry: ServiceEntry) -> AssetPolicy:
    if entry.asset is None:
        return AssetPolicy.NONE
    return AssetPolicy.REQUIRED if entry.asset.required else AssetPolicy.OPTIONAL


def _translations(entry: ServiceEntry, file: ServicesFile) -> dict[str, dict[str, str]]:
    """By language: the service's own texts, and its group's name, which the file says once for all services."""
    texts: dict[str, dict[str, str]] = {}
    for language, translation in entry.translations.items():
        texts[language] = dict(translation.model_dump(exclude_none=True))
    for language, name in file.groups.get(entry.group, {}).items():
        texts.setdefault(language, {})["group"] = name
    return texts


def _store_offered_in(service: Service, wanted: set[int], *, is_new: bool) -> list[str]:
    there = set() if is_new else {row.area_id for row in service.servicearea_set.all()}
    if wanted == there:
        return []
    ServiceArea.objects.filter(service=service, area__in=there - wanted).delete()
    ServiceArea.objects.bulk_create(ServiceArea(service=service, area_id=pk) for pk in sorted(wanted - there))
    where = [f"{len(places)} areas" if places else "everywhere" for places in (there, wanted)]
    return [f"offered_in: {where[0]} → {where[1]}"]


def _store_attributes(service: Service, entry: ServiceEntry, difference: Difference, *, is_new: bool) -> None:
    there = {} if is_new else {attribute.code: attribute for attribute in service.attributes.all()}
    for code in there.keys() - {attribute.code for attribute in entry.attributes}:
        there[code].delete()
        difference.removed(f"attribute {service.code}.{code}", "deleted")
    for order, attribute in enumerate(entry.attributes, start=1):
        old = there.get(attribute.code)
        details = save(old or Attribute(service=service, code=attribute.code), _attribute_values(attribute, order))
        what = f"attribute {service.code}.{attribute.code}"
        if old is None:
            difference.created(what)
        else:
            difference.changed(what, details)


def _attribute_values(entry: AttributeEntry, order: int) -> dict[str, Any]:
    return {
        "order": order,
        "datatype": entry.datatype.value,
        "required": entry.required,
        "description": entry.description,
        "datatype_description": entry.datatype_description,
        "values": [{"key": key, "name": name} for key, name in entry.values.items()],
        "depends_on": entry.depends_on.model_dump() if entry.depends_on else None,
        "translations": {
            language: translation.model_dump(exclude_none=True, exclude_defaults=True)
            for language, translation in entry.translations.items()
        },
    }
