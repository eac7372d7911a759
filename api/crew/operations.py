"""What staff does to one request: by name, what it takes, and the action it calls.

One table for the calls on a single request, for the bulk of a dispatcher and for what a crew's phone did offline, so
that the three cannot differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from api.crew import operation_serializers as takes
from api.fields import StrictSerializer
from requests311.actions.ask import ask
from requests311.actions.assign import assign
from requests311.actions.comment import comment
from requests311.actions.hand_over import hand_over
from requests311.actions.merge import merge
from requests311.actions.note import note
from requests311.actions.prioritise import prioritise
from requests311.actions.reroute import reroute
from requests311.actions.split import Part, split
from requests311.actions.transition import transition
from requests311.actions.unmerge import unmerge
from requests311.actors import Actor
from requests311.models import ServiceRequest
from requests311.rejections import Responsible
from requests311.statuses import Priority, Status

#: Key of the request, the version that was seen, and the checked values.
Run = Callable[[Actor, str, int, dict[str, Any]], ServiceRequest]


@dataclass(frozen=True)
class Operation:
    takes: type[StrictSerializer]
    run: Run


def _transition(by: Actor, key: str, version: int, values: dict[str, Any]) -> ServiceRequest:
    said = dict(values)
    if responsible := said.pop("responsible", None):
        said["responsible"] = Responsible(**responsible)
    return transition(by=by, key=key, if_version=version, to=Status(said.pop("to")), **said)


def _split(by: Actor, key: str, version: int, values: dict[str, Any]) -> ServiceRequest:
    return split(by=by, key=key, if_version=version, parts=[Part(**part) for part in values["parts"]])


OPERATIONS: dict[str, Operation] = {
    "transition": Operation(takes.TransitionInput, _transition),
    "assign": Operation(
        takes.AssignInput, lambda by, key, version, values: assign(by=by, key=key, if_version=version, **values)
    ),
    "prioritise": Operation(
        takes.PriorityInput,
        lambda by, key, version, values: prioritise(
            by=by, key=key, if_version=version, priority=Priority[values["priority"].upper()]
        ),
    ),
    "reroute": Operation(
        takes.RerouteInput, lambda by, key, version, values: reroute(by=by, key=key, if_version=version, **values)
    ),
    "merge": Operation(
        takes.MergeInput, lambda by, key, version, values: merge(by=by, key=key, if_version=version, **values)
    ),
    "unmerge": Operation(
        takes.NothingInput, lambda by, key, version, values: unmerge(by=by, key=key, if_version=version)
    ),
    "split": Operation(takes.ChildrenInput, _split),
    "ask": Operation(
        takes.QuestionInput, lambda by, key, version, values: ask(by=by, key=key, if_version=version, **values)
    ),
    "note": Operation(
        takes.WordsInput, lambda by, key, version, values: note(by=by, key=key, if_version=version, **values)
    ),
    "comment": Operation(
        takes.WordsInput, lambda by, key, version, values: comment(by=by, key=key, if_version=version, **values)
    ),
    "hand_over": Operation(
        takes.HandoverInput,
        lambda by, key, version, values: hand_over(by=by, key=key, if_version=version, **values),
    ),
}

#: What a dispatcher may do to many at once, and a crew's phone while it had no network.
IN_BULK = ("transition", "assign", "reroute")
OFFLINE = ("transition", "note", "comment", "assign")
