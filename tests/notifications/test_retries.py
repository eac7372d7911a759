from datetime import UTC, datetime, timedelta

import pytest

from notifications.outcomes import Outcome, Verdict
from notifications.retries import RETRY_AFTER_MAX, pause, retry_after

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("60", timedelta(seconds=60)),
        (" 0 ", timedelta()),
        ("Sat, 21 Nov 2026 12:01:30 GMT", timedelta(seconds=90)),
        ("Sat, 21 Nov 2026 11:00:00 GMT", timedelta()),
        ("9" * 5000, RETRY_AFTER_MAX),
        ("Sat, 21 Nov 2099 11:00:00 GMT", RETRY_AFTER_MAX),
        ("-5", None),
        ("1.5", None),
        ("²", None),
        ("soon", None),
        ("Sat, 99 Nov 2026 99:99:99 GMT", None),
        ("Sat, 21 Nov 99999999999999999999 11:00:00 GMT", None),
        ("", None),
    ],
)
def test_retry_after(value: str, expected: timedelta | None) -> None:
    assert retry_after({"Retry-After": value}, now=NOW) == expected


def test_no_retry_after() -> None:
    assert retry_after({}) is None


def test_pauses_grow_have_jitter_and_never_undercut_what_was_asked_for() -> None:
    asked = Outcome(Verdict.RETRY, wait=timedelta(seconds=60))
    refused = Outcome(Verdict.REFUSED)
    for attempts, longest in [(0, 4), (1, 4), (2, 8), (5, 64), (9, 600), (1000, 600)]:
        pauses = [pause(Outcome(Verdict.RETRY), attempts).total_seconds() for _ in range(200)]
        assert 0 <= min(pauses) < longest / 4
        assert longest / 2 < max(pauses) <= longest
        assert timedelta(seconds=60) <= pause(asked, attempts) <= timedelta(seconds=60 + longest)
    assert timedelta(seconds=30) <= pause(refused, 1) <= timedelta(seconds=60)
    assert timedelta(seconds=450) <= pause(refused, 50) <= timedelta(seconds=900)
    assert pause(Outcome(Verdict.SENT), 3) == timedelta()
