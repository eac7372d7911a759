"""GEOCODER_URL → which geocoder is asked where the city's own address points do not know."""

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit, urlunsplit

KINDS = ("nominatim", "photon", "pelias")


@dataclass(frozen=True)
class Geocoder:
    """`parameters` of the URL, such as an API key, go with every call. They are secret."""

    kind: str
    url: str
    parameters: tuple[tuple[str, str], ...]


def geocoder(url: str) -> Geocoder | None:
    """None for an empty URL. Raises ValueError, with the way out, for one that is none of ours."""
    if not url:
        return None
    kind, _, address = url.partition("+")
    parts = urlsplit(address)
    if kind not in KINDS or parts.scheme not in {"http", "https"} or not parts.hostname or parts.fragment:
        raise ValueError(f"write {', '.join(f'{kind}+https://host' for kind in KINDS)}, with a path if there is one")
    plain = urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))
    return Geocoder(kind, plain, tuple(parse_qsl(parts.query)))
