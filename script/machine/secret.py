"""Passwords of the private servers: made once, readable by their owner only."""

import secrets
from pathlib import Path

from script.machine import files


def remembered(file: Path) -> str:
    """The password kept in `file`; made when there is none. Safe to put into a URL."""
    try:
        kept = file.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if not kept:
        kept = secrets.token_urlsafe(24)
        files.write(file, f"{kept}\n", 0o600)
    return kept
