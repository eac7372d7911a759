"""The page of the phones: page.html, and the policy under which a browser may show it."""

import base64
import hashlib
from importlib import resources


def page_and_policy() -> tuple[bytes, str]:
    """The page and its Content-Security-Policy, which lets exactly its own script and style run."""
    text = (resources.files("notifications.emulator") / "page.html").read_text(encoding="utf-8")
    script, style = (
        f"'sha256-{base64.b64encode(hashlib.sha256(part.encode()).digest()).decode()}'"
        for part in (_between(text, "<script>", "</script>"), _between(text, "<style>", "</style>"))
    )
    policy = (
        f"default-src 'none'; script-src {script}; style-src {style}; connect-src 'self'; img-src data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
    return text.encode(), policy


def _between(text: str, start: str, end: str) -> str:
    return text.partition(start)[2].partition(end)[0]
