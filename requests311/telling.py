"""Who is told of an event, and why: residents, staff, and people without an account. The only place that decides it.

Everything is taken from the event's row and from who has the request now; two quick changes give two true messages.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from notifications.outbox import Notice
from notifications.topics import Topic
from requests311 import links
from requests311.models import Audience, Event, EventKind, Follower, Handover, Question, Team, Told, Visibility
from requests311.policies import Permission
from requests311.queries.people import directors_of, managers_of, workers_on
from requests311.statuses import Status
from requests311.writing import shown_text

#: Older news of a pothole helps nobody; FCM itself keeps a message four weeks at most.
TIME_TO_LIVE = timedelta(days=7)

#: A phone shows it at once, a desk finds it in the mailbox.
_STAFF_CHANNELS = ("push", "email")

#: What a resident hears of; the rest is on the timeline for who wants to know.
_TOLD = {
    EventKind.SUBMITTED,
    EventKind.STATUS_CHANGED,
    EventKind.COMMENTED,
    EventKind.ASSIGNED,
    EventKind.REROUTED,
    EventKind.ASKED,
}


def notices_of(event: Event) -> list[Notice]:
    """All that one event is told to, each person once for each reason; needs `request`, its department and
    jurisdiction at hand."""
    return [*to_residents(event), *to_staff(event), *to_strangers(event)]


def to_residents(event: Event) -> list[Notice]:
    """The reporter and the followers hear of every public event that they did not cause, and the reporter that their
    report arrived."""
    if event.audience != Audience.PUBLIC or event.kind not in _TOLD:
        return []
    people: list[UUID] = []
    reporter = event.request.reporter_id
    if reporter is not None and (event.actor_id != reporter or event.kind == EventKind.SUBMITTED):
        people.append(reporter)
    if event.kind not in (EventKind.SUBMITTED, EventKind.ASKED):
        people += [user for user in _followers(event) if user not in (event.actor_id, reporter)]
    if event.kind == EventKind.ASKED:
        asked = UUID(event.data["question"])
        link = links.url_of(links.Purpose.ANSWER, asked)
        token = links.token_for(links.Purpose.ANSWER, asked)
        return [
            _notice(event, user, _kind(event), channels=_STAFF_CHANNELS, data={"link": link, "question": token})
            for user in people
        ]
    return [_notice(event, user, _kind(event)) for user in people]


def one_for_many(notices: Sequence[Notice], batch: UUID) -> list[Notice]:
    """What residents hear of one call that changed many requests: who has several of them hears of all at once."""
    by_person: dict[UUID | None, list[Notice]] = {}
    for notice in notices:
        by_person.setdefault(notice.recipient_id, []).append(notice)
    told: list[Notice] = []
    for theirs in by_person.values():
        # As each request ended up, where the call changed it twice.
        statuses = {notice.data["request_id"]: notice.data["status"] for notice in theirs}
        if len(statuses) == 1:
            told += theirs
            continue
        first, last, same = theirs[0], theirs[-1], set(statuses.values())
        status = same.pop() if len(same) == 1 else ""
        told.append(
            Notice(
                recipient_id=first.recipient_id,
                # Not the batch: of a call that was told in two parts, the second part is news as well.
                event_id=last.event_id,
                kind="requests_changed",
                context={"jurisdiction": first.context["jurisdiction"], "count": len(statuses), "status": status},
                data={"event_id": str(last.event_id), "status": status, "link": "requests311://requests?mine=true"},
                ttl=TIME_TO_LIVE,
                collapse_key=str(batch),
                fallback_language=first.fallback_language,
                sender=first.sender,
            )
        )
    return told


def to_staff(event: Event) -> list[Notice]:
    """Assigned to me, mentioned, escalated, answered, reopened, reported done; nobody hears of what they did, nor who
    does not work there any more."""
    return [
        _notice(event, user, kind, topic=topic, channels=_STAFF_CHANNELS, context=more)
        for topic, kind, people, more in _staff_reasons(event)
        for user in _still_there(event, people)
        if user != event.actor_id
    ]


def to_strangers(event: Event) -> list[Notice]:
    """People without an account, by e-mail: a contractor, and a reporter who left nothing but an address."""
    if event.kind == EventKind.HANDED_OVER:
        handover = Handover.objects.filter(pk=event.data["handover"], revoked_at=None).first()
        if handover is None:
            return []
        link = links.url_of(links.Purpose.HANDOVER, handover.pk)
        context = {"link": link, "text": event.request.description}
        return [_notice(event, None, "handover_link", address=handover.email, context=context, data={"link": link})]
    if event.kind == EventKind.ASKED:
        address = str(event.request.contact.get("email", ""))
        reporter = event.request.reporter
        if not address or (reporter is not None and reporter.email == address.lower()):
            return []
        link = links.url_of(links.Purpose.ANSWER, UUID(event.data["question"]))
        return [_notice(event, None, "question_link", address=address, context={"link": link}, data={"link": link})]
    return []


def _followers(event: Event) -> list[UUID]:
    found = Follower.objects.filter(request=event.request_id).order_by("pk")
    followers: dict[UUID, Any] = dict(found.values_list("user", "merge"))
    if event.request.visibility == Visibility.PUBLIC:
        return list(followers)
    # Whoever followed it while it was public cannot read it any more; whose own report was joined to it is told.
    there = _still_there(event, list(followers))
    return [user for user, merge in followers.items() if merge is not None or user in there]


def _staff_reasons(event: Event) -> Iterable[tuple[Topic, str, Collection[UUID | None], dict[str, Any]]]:
    data = event.data
    if event.kind == EventKind.ASSIGNED:
        yield Topic.ASSIGNED, "staff_assigned", _assigned(data), {}
    if data.get("mentions"):
        yield Topic.MENTIONED, "staff_mentioned", [UUID(user) for user in data["mentions"]], {}
    if event.kind == EventKind.ESCALATED:
        for percent, people in _escalated_to(event).items():
            yield Topic.ESCALATED, "staff_escalated", people, {"percent": percent}
    if event.kind == EventKind.ANSWERED:
        asked_by = Question.objects.filter(pk=data["question"]).values_list("asked_by", flat=True).first()
        yield Topic.ANSWERED, "staff_answered", [asked_by, event.request.assignee_id], {}
    if event.from_status == Status.RESOLVED and event.to_status == Status.ACKNOWLEDGED:
        yield Topic.REOPENED, "staff_reopened", _workers(event) or managers_of(event.request.department), {}
    if event.kind == EventKind.REPORTED_DONE:
        by = Handover.objects.filter(pk=data["handover"]).values_list("by", flat=True).first()
        more = {"undone": not data["done"]}
        yield Topic.HANDED_OVER, "staff_handed_over_done", [by, event.request.assignee_id], more


def _assigned(data: dict[str, Any]) -> list[UUID | None]:
    """Who has it now and did not before; of a team without a person its lead."""
    before = data.get("before") or {}
    if data.get("assignee"):
        return [UUID(data["assignee"])] if data["assignee"] != before.get("assignee") else []
    if data.get("team_id") and data["team_id"] != before.get("team"):
        return [Team.objects.filter(pk=data["team_id"]).values_list("lead", flat=True).first()]
    return []


def _escalated_to(event: Event) -> dict[int, list[UUID]]:
    """Who is told, by the percentage: whoever several steps tell is told of the furthest."""
    furthest: dict[UUID, int] = {}
    for tells, percent in sorted(event.data["tells"].items(), key=lambda step: int(step[1])):
        furthest |= dict.fromkeys(_told(event, tells), percent)
    by_percent: dict[int, list[UUID]] = {}
    for user, percent in furthest.items():
        by_percent.setdefault(percent, []).append(user)
    return by_percent


def _told(event: Event, tells: str) -> list[UUID]:
    """A step that reaches nobody would be a promise without a person: then the next ones up are told."""
    department = event.request.department
    return (
        (_workers(event)[:1] if tells == Told.LEAD else [])
        or (managers_of(department) if tells != Told.DIRECTOR else [])
        or directors_of(department)
    )


def _workers(event: Event) -> list[UUID]:
    """The lead of its team and its assignee, as far as they still work there."""
    team = event.request.team_id
    lead = Team.objects.filter(pk=team).values_list("lead", flat=True).first() if team is not None else None
    return _still_there(event, [lead, event.request.assignee_id])


def _still_there(event: Event, people: Collection[UUID | None]) -> list[UUID]:
    """Those of them, each once, who may read what staff writes on the request today."""
    wanted = list(dict.fromkeys(user for user in people if user is not None))
    there = workers_on(event.request, wanted, Permission.READ_INTERNAL) if wanted else set()
    return [user for user in wanted if user in there]


def _notice(
    event: Event,
    recipient: UUID | None,
    kind: str,
    *,
    address: str = "",
    topic: str = "",
    channels: tuple[str, ...] = ("push",),
    context: dict[str, Any] | None = None,
    data: dict[str, str] | None = None,
) -> Notice:
    return Notice(
        recipient_id=recipient,
        address=address,
        event_id=event.pk,
        kind=kind,
        topic=topic,
        channels=("email",) if address else channels,
        context=_context(event) | (context or {}),
        data={
            "event_id": str(event.pk),
            "request_id": str(event.request_id),
            "number": event.data["number"],
            "status": event.to_status or event.data["status"],
            "link": f"requests311://requests/{event.request_id}",
        }
        | (data or {}),
        ttl=TIME_TO_LIVE,
        collapse_key=str(event.request_id),
        fallback_language=event.data["language"],
        sender=event.request.jurisdiction.code,
    )


def _kind(event: Event) -> str:
    by_kind = {
        EventKind.COMMENTED: "request_commented",
        EventKind.REROUTED: "request_rerouted",
        EventKind.ASKED: "request_question",
    }
    if event.kind in by_kind:
        return by_kind[EventKind(event.kind)]
    if event.data.get("unanswered"):
        return "request_no_answer"
    reopened = event.from_status == Status.RESOLVED and event.to_status == Status.ACKNOWLEDGED
    if reopened or event.from_status == Status.DUPLICATE:
        return "request_reopened"
    return f"request_{event.to_status}"


def _context(event: Event) -> dict[str, Any]:
    told = ("number", "service", "department", "jurisdiction", "due")
    # A rejection by a reason has its sentence in several languages.
    text = event.data.get("texts") or shown_text(event)
    return {key: event.data[key] for key in told} | {"status": event.to_status, "text": text}
