from typing import Any

import pytest

from notifications.rendering import BODY_BYTES, render

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
