"""One operation a file: how its calls look, and which bare work is its limit."""

from script.benchmark.workloads.box import BoxOf100
from script.benchmark.workloads.detail import Detail
from script.benchmark.workloads.list_of_50 import ListOf50
from script.benchmark.workloads.locate import Locate
from script.benchmark.workloads.open311_list import Open311List
from script.benchmark.workloads.queue import Queue
from script.benchmark.workloads.submit import Submit
from script.benchmark.workloads.submit_photo import SubmitPhoto
from script.benchmark.workloads.tile import Tile
from script.benchmark.workloads.transition import Transition
from script.benchmark.workloads.workload import Workload

#: In the order of the issue; reads first would read a warmer table.
WORKLOADS: tuple[Workload, ...] = (
    Submit(),
    SubmitPhoto(),
    Detail(),
    ListOf50(),
    Queue(),
    Transition(),
    BoxOf100(),
    Tile(10),
    Tile(14),
    Tile(16),
    Locate(),
    Open311List(),
)
