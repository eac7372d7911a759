"""POST /api/v1/requests by guests."""

from collections.abc import Sequence

from script.benchmark.bare import Bare
from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World


class Submit(Workload):
    name = "submit"
    title = "Submit"
    expected = frozenset({201})

    def calls(self, world: World, count: int) -> list[Call]:
        rows = zip(world.places(self.name, count), world.services(self.name, count, plain=True), strict=True)
        return [
            Call(
                "POST",
                "/api/v1/requests",
                world.guests[at % len(world.guests)],
                body=report(service, longitude, latitude),
                fresh_key=True,
            )
            for at, ((longitude, latitude), service) in enumerate(rows)
        ]

    def bare(self, world: World, calls: Sequence[Call], count: int) -> Bare:
        return Bare("INSERT of the request's row, COMMIT", world.arrivals(count), once=True)


def report(service: str, longitude: float, latitude: float) -> dict[str, object]:
    """What a phone sends."""
    return {
        "service": service,
        "location": {"latitude": round(latitude, 6), "longitude": round(longitude, 6)},
        "description": "Deep and getting worse. Right at the corner.",
    }
