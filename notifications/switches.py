"""What a person wants to hear of, and where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction

from notifications.models import Channel, Switch
from notifications.topics import Topic


@dataclass(frozen=True)
class Setting:
    topic: Topic
    channel: Channel
    on: bool


def settings_of(*, user: AbstractBaseUser) -> Sequence[Setting]:
    """Every topic on every channel, in the order in which they are declared."""
    off = set(Switch.objects.filter(user_id=user.pk).values_list("topic", "channel"))
    return [
        Setting(topic, channel, on=(topic.value, channel.value) not in off) for topic in Topic for channel in Channel
    ]


@transaction.atomic
def turn(*, user: AbstractBaseUser, settings: Iterable[Setting]) -> Sequence[Setting]:
    """Sets these and leaves the others; of two for the same topic and channel the later holds. Answers all.

    What is in the outbox already goes out as it is.
    """
    wanted = {(setting.topic.value, setting.channel.value): setting.on for setting in settings}
    off = sorted(pair for pair, on in wanted.items() if not on)
    # In order, and before anything is deleted, so that two of one person's calls never wait in a circle.
    Switch.objects.bulk_create(
        [Switch(user_id=user.pk, topic=topic, channel=channel) for topic, channel in off], ignore_conflicts=True
    )
    on = [pair for pair, on in wanted.items() if on]
    found = Switch.objects.filter(user_id=user.pk).order_by("pk").select_for_update()
    gone = [switch.pk for switch in found if (switch.topic, switch.channel) in on]
    Switch.objects.filter(pk__in=gone).delete()
    return settings_of(user=user)
