"""GET /api/v1/locate: who would get a report of this service from this place."""

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World


class Locate(Workload):
    name = "locate"
    title = "Locate"

    def calls(self, world: World, count: int) -> list[Call]:
        rows = zip(world.places(self.name, count), world.services(self.name, count, plain=True), strict=True)
        guests = world.guests
        return [
            Call(
                "GET", f"/api/v1/locate?latitude={y:.6f}&longitude={x:.6f}&service={service}", guests[at % len(guests)]
            )
            for at, ((x, y), service) in enumerate(rows)
        ]
