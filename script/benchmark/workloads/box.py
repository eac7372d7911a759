"""GET /api/v1/map/requests of what a phone shows, 100 at most."""

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World

#: Width of a box in degrees: two to five kilometres, where even a small table holds a hundred.
_WIDTHS = (0.025, 0.06)


class BoxOf100(Workload):
    name = "box_of_100"
    title = "Box of 100"

    def calls(self, world: World, count: int) -> list[Call]:
        widths = world.rng(f"{self.name} widths").uniform(*_WIDTHS, count)
        found = []
        for at, (longitude, latitude) in enumerate(world.places(self.name, count)):
            x, y = widths[at] / 2, widths[at] / 2.6
            box = f"{longitude - x:.5f},{latitude - y:.5f},{longitude + x:.5f},{latitude + y:.5f}"
            found.append(
                Call("GET", f"/api/v1/map/requests?bbox={box}&limit=100", world.guests[at % len(world.guests)])
            )
        return found
