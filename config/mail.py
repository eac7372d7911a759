"""EMAIL_URL → Django's settings for mail. Without one nothing is sent, and whoever tries is told so."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend

from notifications.errors import EmailNotConfigured


@dataclass(frozen=True)
class MailServer:
    host: str = ""
    port: int = 25
    user: str = ""
    password: str = ""
    starttls: bool = False
    tls: bool = False
    #: Where letters are written down instead of being sent.
    folder: str = ""


class NoMailServer(BaseEmailBackend):
    """EMAIL_URL is not set: a letter that goes nowhere must not count as sent."""

    def open(self) -> None:
        raise EmailNotConfigured

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        raise EmailNotConfigured


def mail_settings(url: str) -> tuple[str, MailServer]:
    """The backend and the server. Raises ValueError, with the way out, for a URL that is none of the three."""
    if not url:
        return "config.mail.NoMailServer", MailServer()
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.path:
        return "django.core.mail.backends.filebased.EmailBackend", MailServer(folder=unquote(parts.path))
    ports = {"smtp": 587, "smtps": 465, "smtp+plain": 25}
    if parts.scheme not in ports or not parts.hostname:
        raise ValueError("write smtp://user:password@host:587, smtps://… or smtp+plain://host")
    server = MailServer(
        host=parts.hostname,
        port=parts.port or ports[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        starttls=parts.scheme == "smtp",
        tls=parts.scheme == "smtps",
    )
    return "django.core.mail.backends.smtp.EmailBackend", server
