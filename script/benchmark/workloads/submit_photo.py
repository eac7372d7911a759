"""POST /api/v1/photos with 2.4 MB, then POST /api/v1/requests that names it: one call to the reporter."""

from collections.abc import Sequence

from script.benchmark.bare import Bare
from script.benchmark.calls import Call
from script.benchmark.workloads.submit import Submit
from script.benchmark.workloads.workload import World

BYTES = 2_400_000


class SubmitPhoto(Submit):
    name = "submit_photo"
    title = "Submit with a 2.4 MB photo"
    photo = True

    def bare(self, world: World, calls: Sequence[Call], count: int) -> Bare:
        words = "write of the file, INSERT of the request's row, COMMIT"
        return Bare(words, world.arrivals(count), once=True, file_bytes=BYTES)
