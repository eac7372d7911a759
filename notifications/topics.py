"""What a person may switch off, channel by channel."""

from enum import StrEnum


class Topic(StrEnum):
    """Why somebody is told. A message of no topic cannot be switched off."""

    #: A request is theirs to work on.
    ASSIGNED = "assigned"
    #: Somebody named them in a note or a comment.
    MENTIONED = "mentioned"
    #: A request is late, or soon will be.
    ESCALATED = "escalated"
    #: The reporter answered a question about a request of theirs.
    ANSWERED = "answered"
    #: A request that they had finished is open again.
    REOPENED = "reopened"
    #: What was handed over to somebody outside has come back.
    HANDED_OVER = "handed_over"
    #: The day's figures of their department.
    DIGEST = "digest"
