"""GET /open311/v2/requests.json (GeoReport v2): a page of 50 of one service."""

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World


class Open311List(Workload):
    name = "open311_list"
    title = "Open311 list"

    def calls(self, world: World, count: int) -> list[Call]:
        code = world.generator.city.jurisdiction.code
        return [
            Call(
                "GET",
                f"/open311/v2/requests.json?jurisdiction_id={code}&service_code={service}&status={status}&page_size=50",
                world.guests[at % len(world.guests)],
            )
            for at, service in enumerate(world.services(self.name, count))
            for status in ("open" if at % 2 else "closed",)
        ]
