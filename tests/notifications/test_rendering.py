from typing import Any

import pytest

from notifications.rendering import BODY_BYTES, render, render_email
from notifications.topics import Topic

CONTEXT: dict[str, Any] = {
    "number": "7K3F-9QTD",
    "service": {"en": "Pothole", "es": "Bache"},
    "department": {"en": "Transportation", "es": "Transporte"},
    "due": "2026-11-30",
}
KINDS = [
    "request_submitted",
    "request_acknowledged",
    "request_assigned",
    "request_in_progress",
    "request_on_hold",
    "request_resolved",
    "request_closed",
    "request_rejected",
    "request_duplicate",
    "request_reopened",
    "request_withdrawn",
    "request_commented",
    "request_question",
    "request_rerouted",
    "request_merged",
    "request_no_answer",
    "staff_assigned",
    "staff_mentioned",
    "staff_escalated",
    "staff_answered",
    "staff_reopened",
    "staff_handed_over_done",
    "generic",
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_kind_has_a_text_of_its_own(kind: str, language: str) -> None:
    title, body = render(kind, language, "en", {**CONTEXT, "text": "Said <b>the</b> crew & co."})
    assert title
    assert "{" not in title + body
    assert "7K3F-9QTD" in body
    assert title != render(kind, "es" if language == "en" else "en", "en", CONTEXT)[0]
    if kind != "generic":
        assert title != render("generic", language, "en", CONTEXT)[0]
    if kind != "request_submitted":
        assert body.endswith("\nSaid <b>the</b> crew & co.")


def test_english_and_spanish_with_a_due_date() -> None:
    assert render("request_submitted", "en-US", "en", CONTEXT) == (
        "Pothole is with Transportation",
        "Your report 7K3F-9QTD has arrived. We will answer by November 30.",
    )
    assert render("request_submitted", "es-MX", "en", CONTEXT) == (
        "Bache: a cargo de Transporte",
        "Recibimos su reporte 7K3F-9QTD. Le responderemos a más tardar el 30 de noviembre.",
    )


def test_without_a_due_date_nothing_is_promised() -> None:
    for due in (None, ""):
        assert render("request_submitted", "en", "en", {**CONTEXT, "due": due})[1] == (
            "Your report 7K3F-9QTD has arrived."
        )


@pytest.mark.parametrize(
    ("language", "fallback", "title"),
    [
        ("es_419", "en", "Bache: a cargo de Transporte"),
        ("fr-CA", "es", "Bache: a cargo de Transporte"),
        ("fr", "nl", "Pothole is with Transportation"),
        ("", "en", "Pothole is with Transportation"),
        ("../../es", "en", "Pothole is with Transportation"),
        ("es-\0", "../..", "Pothole is with Transportation"),
    ],
)
def test_the_next_best_language(language: str, fallback: str, title: str) -> None:
    assert render("request_submitted", language, fallback, CONTEXT)[0] == title


def test_a_value_is_taken_in_the_best_language_that_it_has() -> None:
    for service, expected in [
        ({"pt-BR": "Buraco", "en": "Pothole"}, "Buraco"),
        ({"pt": "Cova", "en": "Pothole"}, "Cova"),
        ({"en": "Pothole", "es": "Bache"}, "Bache"),
        ({"ht": "Twou"}, "Twou"),
        ({}, ""),
        ("Plain", "Plain"),
    ]:
        title, _ = render("request_closed", "pt-BR", "es", {**CONTEXT, "service": service})
        assert title == f"{expected}: cerrado".strip()


def test_an_unknown_kind_is_told_in_general_words() -> None:
    for kind in ("brand_new", "../en/generic", ""):
        assert render(kind, "en", "en", CONTEXT)[0] == "News about “Pothole”"


def test_what_a_crew_writes_is_no_template_and_is_cut_to_fit() -> None:
    assert render("request_resolved", "en", "en", {**CONTEXT, "text": "{{ number }}{% now %}"})[1].endswith(
        "{{ number }}{% now %}"
    )
    body = render("request_resolved", "en", "en", {**CONTEXT, "text": "ñ" * 5000})[1]
    assert len(body.encode()) <= BODY_BYTES
    assert body.endswith("ñ…")


@pytest.mark.parametrize(
    ("percent", "title", "body"),
    [
        (80, "Pothole 7K3F-9QTD: time is running out", "has used 80% of its time. Due by November 30."),
        (100, "Pothole 7K3F-9QTD: late", "has used 100% of its time. Due by November 30."),
        (None, "Pothole 7K3F-9QTD: late", "is late. Due by November 30."),
    ],
)
def test_how_late_it_is(percent: int | None, title: str, body: str) -> None:
    told = render("staff_escalated", "en", "en", {**CONTEXT, "percent": percent})
    assert told[0] == title
    assert told[1].endswith(body)


STATUSES = ["acknowledged", "assigned", "in_progress", "on_hold", "resolved", "closed", "rejected", "duplicate"]


@pytest.mark.parametrize("language", ["en", "es"])
def test_several_of_a_person_s_requests_at_once(language: str) -> None:
    told = {
        status: render("requests_changed", language, "en", {"jurisdiction": "Town", "count": 3, "status": status})
        for status in ["", *STATUSES, "assigned_by_a_later_release"]
    }
    assert {title for title, _ in told.values()} == {
        {"en": "News about 3 of your reports", "es": "Novedades sobre 3 de sus reportes"}[language]
    }
    bodies = [told[status][1] for status in ["", *STATUSES]]
    assert len(set(bodies)) == len(bodies)
    assert all(body.endswith(".") and "{" not in body for body in bodies)
    assert "Town" in told[""][1]
    assert told["assigned_by_a_later_release"] == told[""]


@pytest.mark.parametrize(
    ("language", "done", "undone"),
    [
        ("en", "Pothole 7K3F-9QTD: done elsewhere", "Pothole 7K3F-9QTD: not done elsewhere"),
        ("es", "Bache 7K3F-9QTD: hecho por otros", "Bache 7K3F-9QTD: sin hacer por otros"),
    ],
)
def test_what_became_of_what_was_handed_over(language: str, done: str, undone: str) -> None:
    kind = "staff_handed_over_done"
    assert render(kind, language, "en", {**CONTEXT, "undone": False})[0] == done
    title, body = render(kind, language, "en", {**CONTEXT, "undone": True, "text": "Rain."})
    assert title == undone
    assert body != render(kind, language, "en", {**CONTEXT, "text": "Rain."})[1]
    assert body.endswith("\nRain.")


def letter(kind: str, language: str, context: dict[str, Any], **given: Any) -> tuple[str, str]:
    return render_email(kind, language, "en", context, **{"link": "", "topic": "", "has_account": True, **given})


def test_the_digest() -> None:
    lines = [{"label": {"en": "Open", "es": "Abiertas"}, "count": 12}, {"label": {"en": "Late"}, "count": 0}]
    context = {"department": {"en": "Roads", "es": "Vías"}, "jurisdiction": "Town", "day": "2026-11-30", "lines": lines}
    assert letter("digest", "en", context, topic="digest") == (
        "Roads: November 30",
        "Roads, Town, November 30:\n\nOpen: 12\nLate: 0\n\n"
        "You get this every day because you manage this department; switch it off under Notifications in your "
        "account.\n",
    )
    subject, body = letter("digest", "es", context, topic="digest")
    assert subject == "Vías: resumen del 30 de noviembre"
    assert "Abiertas: 12\nLate: 0\n\n" in body


@pytest.mark.parametrize("kind", [*KINDS, "handover_link", "question_link", "digest", "brand_new", "_why", "../x"])
@pytest.mark.parametrize("language", ["en", "es"])
def test_every_kind_makes_a_letter(kind: str, language: str) -> None:
    context = {**CONTEXT, "text": "Said so.", "link": "https://x.example/l", "day": "2026-11-30", "lines": []}
    subject, body = letter(kind, language, context, link="https://x.example/l")
    assert subject
    assert "{" not in subject + body
    assert kind in {"digest", "request_submitted"} or "Said so." in body
    assert body.count("https://x.example/l") == 1
    other = letter(kind, "es" if language == "en" else "en", context, link="https://x.example/l")
    assert (subject, body) != other


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_topic_has_its_own_reason(language: str) -> None:
    reasons = {letter("generic", language, CONTEXT, topic=topic)[1] for topic in ["", *Topic]}
    reasons.add(letter("generic", language, CONTEXT, has_account=False)[1])
    assert len(reasons) == len(Topic) + 2
    assert all(reason.endswith(".\n") and "\n" not in reason.split("\n\n")[-1].strip() for reason in reasons)
