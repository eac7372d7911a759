"""GET /api/v1/requests/{id} of public reports, by guests."""

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World


class Detail(Workload):
    name = "detail"
    title = "Detail"

    def calls(self, world: World, count: int) -> list[Call]:
        found = world.sampled("SELECT id FROM requests311_servicerequest {sample} WHERE visibility = 'public'", count)
        guests = world.guests
        return [
            Call("GET", f"/api/v1/requests/{request_id}", guests[at % len(guests)])
            for at, (request_id,) in enumerate(found)
        ]
