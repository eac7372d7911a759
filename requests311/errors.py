"""What the domain refuses. A class, a stable code, and a docstring that is the message.

HTTP is not known here; `api/errors.py` decides the status of each class.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class InputError:
    """One wrong value: where it stands (RFC 6901 JSON pointer), a stable code, and what is wrong."""

    pointer: str
    code: str
    detail: str


class DomainError(Exception):
    """The request cannot be carried out."""

    code: ClassVar[str] = "refused"

    def __init__(self, detail: str = "", *, errors: Sequence[InputError] = (), **extra: object) -> None:
        self.detail = detail or " ".join((self.__doc__ or "").split())
        self.errors = tuple(errors)
        #: Members that a client may read besides the text, such as the legal moves.
        self.extra = extra
        super().__init__(self.detail)


class NotFound(DomainError):
    """There is no such thing, or it is not yours to see."""

    code = "not_found"


class Invalid(DomainError):
    """Some values are wrong; each is listed."""

    code = "invalid"


class NotAllowed(DomainError):
    """Your role does not allow this."""

    code = "not_allowed"


class StaleVersion(DomainError):
    """Somebody changed this request since you read it. Read it again and decide anew."""

    code = "stale_version"


class IllegalTransition(DomainError):
    """The request cannot go from its status to that one."""

    code = "illegal_transition"


class HasOpenTasks(DomainError):
    """Some of its tasks are not done yet. It is resolved by itself when all of them are."""

    code = "has_open_tasks"


class CannotMerge(DomainError):
    """These two requests cannot be joined."""

    code = "cannot_merge"


class CannotRevise(DomainError):
    """A text can be changed for ten minutes by who wrote it; later it can only be redacted, with a reason."""

    code = "cannot_revise"


class AnsweredAlready(DomainError):
    """This question was answered already; a link answers once."""

    code = "answered_already"


class QuestionPending(DomainError):
    """The resident has a question that is not answered yet."""

    code = "question_pending"


class NobodyToAsk(DomainError):
    """Nobody can be asked: the report came without an account and without an e-mail address."""

    code = "nobody_to_ask"


class ReportedAlready(DomainError):
    """By this link the work was reported done already; a link does it once."""

    code = "reported_already"


class LinkOver(DomainError):
    """This link has expired, or was revoked. Ask the department for a new one."""

    code = "link_over"


class OperationReused(DomainError):
    """This operation id came with another content before; make a new one."""

    code = "operation_reused"


class OutsideEveryJurisdiction(DomainError):
    """Nobody who uses this service is responsible for that place."""

    code = "outside_every_jurisdiction"


class ServiceNotOffered(DomainError):
    """This service is not offered at that place."""

    code = "service_not_offered"


class LocationMissing(DomainError):
    """The report has no location, and none of its photos knows where it was taken."""

    code = "location_missing"


class PhotoHasNoPlace(DomainError):
    """This photo does not know where it was taken. Ask the person, or use the phone's own place."""

    code = "photo_has_no_place"


class PhotoRefused(DomainError):
    """The file is not a photo that we take.

    `reason` is stable: `empty`, `too_large`, `too_many_pixels`, `unsupported_type`, `corrupt`, `polyglot`.
    """

    code = "photo_refused"

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail, errors=[InputError("/file", reason, detail)])
        self.reason = reason


class PhotoTooLarge(PhotoRefused):
    """The file has more bytes than we take."""

    code = "too_large"


class NoDispatchDesk(DomainError):
    """The jurisdiction has no dispatch desk, so a report without a rule would be lost."""

    code = "no_dispatch_desk"


class TooManyWebhooks(DomainError):
    """There are as many webhooks as a department may have."""

    code = "too_many_webhooks"


class WebhookInactive(DomainError):
    """This webhook is switched off. Switch it on first."""

    code = "webhook_inactive"


class DeliveryNotDead(DomainError):
    """Only a delivery that was given up is sent again; this one is not."""

    code = "delivery_not_dead"
