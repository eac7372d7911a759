"""GET /api/v1/crew/queue, a page of 50 by a dispatcher of the whole jurisdiction, in every order; some filtered."""

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World

_SORTS = ("due", "age", "priority", "distance")
_FILTERS = ("", "&overdue=true", "&assignee=none", "&status=submitted,acknowledged")


class Queue(Workload):
    name = "queue"
    title = "Crew's queue"

    def calls(self, world: World, count: int) -> list[Call]:
        found = []
        for at, (longitude, latitude) in enumerate(world.places(self.name, count)):
            sort, filtered = _SORTS[at % len(_SORTS)], _FILTERS[at // len(_SORTS) % len(_FILTERS)]
            place = f"&latitude={latitude:.6f}&longitude={longitude:.6f}" if sort == "distance" else ""
            found.append(Call("GET", f"/api/v1/crew/queue?sort={sort}&limit=50{place}{filtered}", world.dispatcher))
        return found
