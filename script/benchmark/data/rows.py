"""Lines of COPY: requests, their events and their photos."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from uuid import UUID

import numpy as np
import numpy.typing as npt

from requests311.models import Event, Photo, ServiceRequest
from requests311.statuses import Status
from script.benchmark.data.city import City, escaped
from script.benchmark.data.columns import Columns
from script.benchmark.data.identities import numbers, uuid7s
from script.benchmark.data.lives import LIVES, MOST_MOVES, Lives, lives
from script.benchmark.data.places import Places, places_of
from script.benchmark.data.times import Times

#: Of the requests.
WITH_PHOTO = 0.25
WITHOUT_REPORTER = 0.05
_CHANNELS = ("app", "app", "app", "web", "phone")
_WORDS = (
    "Deep and getting worse.",
    "It has been there for weeks.",
    "Please send somebody soon.",
    "Right at the corner.",
    "In front of the school.",
    "Every night the same.",
    "Somebody nearly fell.",
    "Next to the bus stop.",
    "The whole block is affected.",
    "Already told the landlord.",
    "Since the last storm.",
    "Only on weekends.",
)
_TEXTS = {
    Status.RESOLVED: "Done by our crew.",
    Status.REJECTED: "This is not the city's; the owner was told.",
    Status.ON_HOLD: "Waiting for material.",
}
_ENDS = {Status.CLOSED, Status.REJECTED, Status.WITHDRAWN}
_RESOLUTIONS = ("fixed", "fixed", "fixed", "temporary_repair", "nothing_found", "referred", "no_action")

REQUEST = (
    "id", "number", "jurisdiction_id", "service_id", "department_id", "reason", "assignee_id", "status",
    "resolution", "location", "address", "areas", "description", "attributes", "reporter_id", "contact",
    "channel", "visibility", "version", "client_id", "submitted_at", "updated_at", "due_at",
    "acknowledged_at", "resolved_at", "closed_at",
)  # fmt: skip
EVENT = (
    "id", "request_id", "version", "kind", "audience", "actor_id", "at", "from_status", "to_status", "text",
    "data", "announced_at",
)  # fmt: skip
PHOTO = (
    "id", "uploaded_by_id", "request_id", "state", "reason", "original", "content_type", "size_bytes",
    "sha256", "width", "height", "captured_at", "location", "thumbnail", "large", "created_at",
)  # fmt: skip


@dataclass
class Lines:
    """Some requests and what belongs to them, each a line of COPY's text format."""

    requests: list[str]
    events: list[str]
    photos: list[str]


@dataclass(frozen=True)
class Draft:
    """Requests before they are written down, a column each."""

    submitted: npt.NDArray[np.int64]
    longitudes: npt.NDArray[np.float64]
    latitudes: npt.NDArray[np.float64]
    combinations: list[tuple[int, ...]]
    services: npt.NDArray[np.int64]
    lives: Lives


class Generator:
    """Requests of one city up to `now`. The same seed, city, people and `now` give the same requests."""

    def __init__(
        self,
        city: City,
        *,
        seed: int,
        now: datetime,
        reporters: Sequence[UUID],
        staff: Sequence[UUID],
        addresses: int | None = None,
    ) -> None:
        self.city = city
        self.seed = seed
        self.now = now
        self.reporters = [person.hex for person in reporters]
        self.staff = [person.hex for person in staff]
        options = {} if addresses is None else {"addresses": addresses}
        self.places: Places = places_of(city.boundary, np.random.default_rng([seed, 1]), **options)
        offset = now.astimezone(city.zone).utcoffset()
        self.times = Times(now, hours_from_utc=int(offset.total_seconds() // 3600) if offset else 0)

    request_columns = cached_property(lambda self: Columns(ServiceRequest, REQUEST))
    event_columns = cached_property(lambda self: Columns(Event, EVENT))
    photo_columns = cached_property(lambda self: Columns(Photo, PHOTO))

    def past(self, first: int, count: int, *, since: float = 0.0, until: float = 1.0) -> Lines:
        """Rows `first` … of the past, out of the share `since`–`until` of its reports in the order of time."""
        rng = np.random.default_rng([self.seed, 2, first])
        submitted = self.times.draw(count, rng, since=since, until=until)
        draft = self._draft(submitted, rng)
        return self._lines(first, draft, rng)

    def arriving(self, first: int, count: int) -> list[str]:
        """`count` requests that come in right now: submitted, nothing else."""
        rng = np.random.default_rng([self.seed, 3, first])
        moment = int(self.now.timestamp() * 1000)
        draft = self._draft(np.full(count, moment, dtype=np.int64), rng)
        draft.lives.made[:] = 0
        return self._lines(first, draft, rng).requests

    def _draft(self, submitted: npt.NDArray[np.int64], rng: np.random.Generator) -> Draft:
        count = len(submitted)
        address = self.places.draw(count, rng)
        aside = self.places.aside(*address, rng)
        outside = ~self.city.contains(*aside)
        x, y = (np.where(outside, old, new) for old, new in zip(address, aside, strict=True))
        combinations = [tuple(row) for row in self.city.areas_at(x, y).tolist()]
        services = rng.choice(len(self.city.offers), count, p=self.city.popularity)
        everywhere = next(at for at, offer in enumerate(self.city.offers) if not offer.area_ids)
        for at in np.flatnonzero(np.isin(services, self._local_services)):
            if not self.city.offers[services[at]].offered_in(self.city.area_ids(combinations[at])):
                services[at] = everywhere
        made = lives(submitted, int(self.now.timestamp() * 1000), rng)
        return Draft(submitted, x, y, combinations, services, made)

    @cached_property
    def _local_services(self) -> list[int]:
        return [at for at, offer in enumerate(self.city.offers) if offer.area_ids]

    @cached_property
    def _service_constants(self) -> list[tuple[int, str, str, str, str]]:
        """Of each offer: id, visibility, attributes, names by language, name."""
        language = self.city.jurisdiction.languages[0]
        found = []
        for at, offer in enumerate(self.city.offers):
            service = offer.service
            names = {language: service.name}
            names |= {tag: words["name"] for tag, words in service.translations.items() if words.get("name")}
            attributes = escaped(json.dumps(self.city.answers(at), ensure_ascii=False))
            told = escaped(json.dumps(names, ensure_ascii=False))
            found.append((service.pk, service.visibility, attributes, told, escaped(service.name)))
        return found

    def _lines(self, first: int, draft: Draft, rng: np.random.Generator) -> Lines:
        count = len(draft.submitted)
        city, constants = self.city, self._service_constants
        ids, codes = uuid7s(draft.submitted, rng), numbers(first, count)
        moments = np.column_stack([draft.submitted, draft.lives.moments])
        event_ids = uuid7s(moments.reshape(-1), rng)
        shown = np.datetime_as_string(np.minimum(moments, 253_402_300_799_000).astype("datetime64[ms]")).tolist()
        places = _points(draft.longitudes, draft.latitudes)
        reporters = np.minimum(rng.pareto(1.1, count) * len(self.reporters) / 50, len(self.reporters) - 1).astype(int)
        nobody, pictured = rng.random(count) < WITHOUT_REPORTER, rng.random(count) < WITH_PHOTO
        words, house = rng.integers(0, len(_WORDS), (count, 2)), rng.integers(1, 400, count)
        workers, ends = rng.integers(0, len(self.staff), count), rng.integers(0, len(_RESOLUTIONS), count)
        channels = rng.integers(0, len(_CHANNELS), count)
        jurisdiction = city.jurisdiction
        who = json.dumps(jurisdiction.name, ensure_ascii=False)
        tongue = jurisdiction.languages[0]
        areas_of: dict[tuple[int, ...], str] = {}
        request_end, event_end = self.request_columns.end, self.event_columns.end
        requests, events, photos = [], [], []
        for at in range(count):
            combination, service = draft.combinations[at], int(draft.services[at])
            if combination not in areas_of:
                areas_of[combination] = city.areas_json(combination)
            desk = city.desk(service, combination)
            service_id, visibility, attributes, names, name = constants[service]
            request_id, times = ids[at], shown[at]
            submitted = datetime.fromtimestamp(draft.submitted[at] / 1000, UTC)
            due = city.due(service, submitted)
            promised = due.isoformat() if due else "\\N"
            day = due.astimezone(city.zone).date().isoformat() if due else ""
            reporter = "\\N" if nobody[at] else self.reporters[reporters[at]]
            worker = self.staff[workers[at]]
            data = (
                f'{{"number": "{codes[at]}", "service": {names}, "department": {desk.department}, '
                f'"jurisdiction": {who}, "language": "{tongue}", "due": "{day}"'
            )
            event = event_ids[at * (MOST_MOVES + 1)]
            events.append(
                f"{event}\t{request_id}\t1\tsubmitted\tpublic\t{reporter}\t{times[0]}+00\t\tsubmitted\t\t"
                f"{data}}}\t{times[0]}+00{event_end}"
            )
            status, resolution = "submitted", ""
            assignee = acknowledged = resolved = closed = "\\N"
            moves = LIVES[draft.lives.kind[at]][1]
            made = int(draft.lives.made[at])
            for step in range(made):
                to, when = moves[step], f"{times[step + 1]}+00"
                actor, more = worker, ""
                if to == Status.RESOLVED:
                    resolution, resolved = _RESOLUTIONS[ends[at]], when
                    more = f', "resolution": "{resolution}"'
                elif to == Status.ACKNOWLEDGED:
                    resolution, resolved = "", "\\N"
                    acknowledged = when if acknowledged == "\\N" else acknowledged
                elif to == Status.ASSIGNED:
                    assignee = worker
                elif to == Status.WITHDRAWN:
                    actor = reporter
                if to in _ENDS:
                    closed = when
                events.append(
                    f"{event_ids[at * (MOST_MOVES + 1) + step + 1]}\t{request_id}\t{step + 2}\tstatus_changed\tpublic"
                    f"\t{actor}\t{when}\t{status}\t{to.value}\t{_TEXTS.get(to, '')}\t{data}{more}}}\t{when}{event_end}"
                )
                status = to.value
            requests.append(
                f"{request_id}\t{codes[at]}\t{jurisdiction.pk}\t{service_id}\t{desk.department_id}\t{desk.reason}"
                f"\t{assignee}\t{status}\t{resolution}\t{places[at]}\t{house[at]} {_street(draft, at)}"
                f"\t{areas_of[combination]}\t{name}. {_WORDS[words[at, 0]]} {_WORDS[words[at, 1]]}\t{attributes}"
                f"\t{reporter}\t{{}}\t{_CHANNELS[channels[at]]}\t{visibility}\t{made + 1}\t\\N\t{times[0]}+00"
                f"\t{times[made]}+00\t{promised}\t{acknowledged}\t{resolved}\t{closed}{request_end}"
            )
            if pictured[at]:
                photos.append(self._photo(event, request_id, reporter, times[0]))
        return Lines(requests, events, photos)

    def _photo(self, photo_id: str, request_id: str, reporter: str, moment: str) -> str:
        name = f"{photo_id}.jpg"
        return (
            f"{photo_id}\t{reporter}\t{request_id}\tready\t\t{name}\timage/jpeg\t2400000\t{photo_id * 2}\t4000\t3000"
            f"\t\\N\t\\N\tthumbnail/{name}\tlarge/{name}\t{moment}+00{self.photo_columns.end}"
        )


def _street(draft: Draft, at: int) -> str:
    """A name that neighbours share."""
    return f"{int(draft.latitudes[at] * 500) % 200 + 1}th Street"


def _points(longitudes: npt.NDArray[np.float64], latitudes: npt.NDArray[np.float64]) -> list[str]:
    """EWKB of points in WGS 84, as hex digits."""
    text = np.column_stack([longitudes, latitudes]).astype("<f8").tobytes().hex()
    return ["0101000020e6100000" + text[at : at + 32] for at in range(0, len(text), 32)]
