"""The city's thing that a report is about: which one, and whether the service takes it."""

from uuid import UUID

from django.contrib.gis.geos import Point

from geo.assets import NamedAsset
from geo.models import Asset
from requests311.catalogue import Catalogue, Offer
from requests311.errors import InputError, Invalid
from requests311.models import AssetPolicy, ServiceRequest

#: A phone between houses errs by tens of metres, and a person reports from across the street. Further away than
#: this somebody chose the wrong one.
METRES_AT_MOST = 200


def named_asset(id: UUID | None, *, near: Point | None) -> NamedAsset | None:
    """The asset that a report names, one statement; none where it names none. Raises Invalid.

    `near` is where the reporter says it is. The asset's own place is better known than a phone's; theirs is only
    held against it.
    """
    if id is None:
        return None
    asset = Asset.objects.named(id, near=near)
    if asset is None:
        raise _wrong("asset_unknown", "There is no such asset; GET /assets lists those near a place.")
    if asset.retired:
        raise _wrong("asset_retired", f"{asset.title} is gone; leave it out, or choose another one near the place.")
    if asset.metres is not None and asset.metres > METRES_AT_MOST:
        raise _wrong(
            "asset_too_far",
            f"{asset.title} is {asset.metres:,.0f} metres from the location given, over {METRES_AT_MOST}; "
            "choose another one, or leave the location out.",
        )
    return asset


def asset_of(request: ServiceRequest) -> NamedAsset | None:
    """The asset that a request was made about, retired meanwhile or not."""
    return Asset.objects.named(request.asset_id) if request.asset_id is not None else None


def check_asset(catalogue: Catalogue, offer: Offer, asset: NamedAsset | None) -> None:
    """Refuses an asset that the service does not ask for, and none where it needs one. Raises Invalid."""
    service = offer.service
    if asset is None:
        if service.asset == AssetPolicy.REQUIRED:
            raise _wrong("required", f"{service.name} needs the {_words(service.asset_kind)} that it is about.")
    elif service.asset == AssetPolicy.NONE:
        raise _wrong("not_taken", f"{service.name} names no asset.")
    elif asset.kind != service.asset_kind:
        raise _wrong(
            "asset_of_another_kind",
            f"{service.name} is about a {_words(service.asset_kind)}, not about a {_words(asset.kind)}.",
        )
    elif asset.root_id != catalogue.jurisdiction.boundary_id:
        raise _wrong("asset_elsewhere", f"{asset.title} is not one of {catalogue.jurisdiction.name}.")


def _words(kind: str) -> str:
    return kind.replace("_", " ").replace("-", " ")


def _wrong(code: str, detail: str) -> Invalid:
    return Invalid(errors=[InputError("/asset", code, detail)])
