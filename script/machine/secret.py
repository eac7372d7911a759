"""Passwords of the private servers: made once, readable by their owner only."""

import os
import secrets
from pathlib import Path


def remembered(file: Path) -> str:
    """The password kept in `file`; made when there is none. Safe to put into a URL."""
    try:
        kept = file.read_text().strip()
    except FileNotFoundError:
        kept = ""
    if not kept:
        kept = secrets.token_urlsafe(24)
        file.unlink(missing_ok=True)
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
            out.write(kept + "\n")
    return kept
