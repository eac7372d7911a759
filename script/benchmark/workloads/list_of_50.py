"""GET /api/v1/requests?limit=50 with a filter, by a dispatcher: status and service, or status and department."""

from script.benchmark.calls import Call
from script.benchmark.workloads.workload import Workload, World

_STATUSES = ("submitted", "submitted,acknowledged", "closed", "resolved,closed", "in_progress")


class ListOf50(Workload):
    name = "list_of_50"
    title = "List of 50, filtered"

    def calls(self, world: World, count: int) -> list[Call]:
        from requests311.models import Department

        departments = list(
            Department.objects.filter(jurisdiction=world.generator.city.jurisdiction)
            .order_by("code")
            .values_list("code", flat=True)
        )
        rng = world.rng(self.name)
        found = []
        for at, service in enumerate(world.services(self.name, count)):
            status = _STATUSES[rng.integers(0, len(_STATUSES))]
            by = f"department={departments[rng.integers(0, len(departments))]}" if at % 2 else f"service={service}"
            found.append(Call("GET", f"/api/v1/requests?status={status}&{by}&limit=50", world.dispatcher))
        return found
