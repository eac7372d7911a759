"""E-mail through the operator's mail server. Nothing here touches the database: it runs in sending threads."""

import contextlib
import smtplib
import ssl
import time
from datetime import UTC, datetime
from email.utils import parseaddr
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage, get_connection
from django.core.validators import validate_email

from notifications.errors import EmailNotConfigured
from notifications.outcomes import Outcome, Parcel, Verdict
from notifications.rendering import render_email

#: At a time in one batch. Mail servers refuse who comes with many.
CONNECTIONS = 4
#: E-mails in one batch: a few for each connection, so that the pushes of the next batch do not wait for long.
BATCH = 3 * CONNECTIONS


def attempt_seconds() -> float:
    """What one attempt may take in all, though each of its dozen steps may take EMAIL_TIMEOUT."""
    return 2.0 * float(settings.EMAIL_TIMEOUT)


def send(parcel: Parcel) -> Outcome:
    """One attempt: one conversation with the mail server."""
    end_by = time.monotonic() + attempt_seconds()
    if parcel.expires_at <= datetime.now(UTC):
        return Outcome(Verdict.EXPIRED)
    try:
        # One plain address, no name, no list, no line break.
        validate_email(parcel.address)
        message = build(parcel)
        message.message()  # Django's own check of the headers, apart from what else may be a ValueError below
    except (ValidationError, ValueError):
        # The error's own text may hold the address.
        return Outcome(Verdict.DEAD, code="INVALID_MESSAGE", error="no e-mail can be made of it")
    connection = get_connection()
    try:
        connection.open()
    except OSError as error:  # smtplib's own among them
        return _of_opening(error)
    try:
        _hurry(connection, end_by)
        connection.send_messages([message])
    except OSError as error:
        return _of_sending(error)
    finally:
        # The letter is accepted or not by now, whatever the farewell is like.
        with contextlib.suppress(OSError):
            connection.close()
    return Outcome(Verdict.SENT, provider_id=str(message.extra_headers["Message-ID"]))


def build(parcel: Parcel) -> EmailMessage:
    """The letter in the person's language. Its Message-ID is the delivery's, so that a mail program shows one that
    came twice once."""
    subject, body = render_email(
        parcel.kind,
        parcel.language,
        parcel.fallback_language,
        parcel.context,
        link=parcel.data.get("link", ""),
        topic=parcel.topic,
        has_account=parcel.has_account,
    )
    _, _, domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    return EmailMessage(
        subject=subject,
        body=body,
        to=[parcel.address],
        headers={
            "Message-ID": f"<{parcel.delivery_id}@{domain or 'requests311'}>",
            # No out-of-office replies, please. Source: RFC 3834, section 5.
            "Auto-Submitted": "auto-generated",
        },
    )


def _hurry(connection: Any, end_by: float) -> None:
    """Gives up before anything is sent where opening took all the time, or the delivery would be given to another
    worker while this one still sends it; else the steps that are left have less time each."""
    left = end_by - time.monotonic()
    if left <= 0:
        raise TimeoutError
    # Only Django's SMTP backend has one.
    sock = getattr(getattr(connection, "connection", None), "sock", None)
    if sock is not None:
        sock.settimeout(min(float(settings.EMAIL_TIMEOUT), left / 2))


def _of_opening(error: OSError) -> Outcome:
    """Whatever it is, it is the same for every e-mail."""
    if isinstance(error, EmailNotConfigured):
        return Outcome(Verdict.REFUSED, code=error.code, error=str(error), alert=error.code, for_all=True)
    if isinstance(error, smtplib.SMTPResponseException):
        return _refused_us(error.smtp_code)
    if isinstance(error, smtplib.SMTPNotSupportedError | ssl.SSLCertVerificationError):
        name = type(error).__name__
        return Outcome(Verdict.REFUSED, code="SMTP_REFUSED", error=name, alert="email_refused", for_all=True)
    return Outcome(Verdict.RETRY, code="SMTP_UNREACHABLE", error=type(error).__name__, for_all=True)


def _of_sending(error: OSError) -> Outcome:
    """What the mail server's answer, or its absence, means for this delivery. Its own words are not kept: they
    quote the address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        # Below 500 it is greylisting, or a mailbox that is full today.
        return _of_code(next((code for code, _ in error.recipients.values()), 0))
    if isinstance(error, smtplib.SMTPSenderRefused | smtplib.SMTPHeloError):
        return _refused_us(error.smtp_code)
    if isinstance(error, smtplib.SMTPResponseException):
        return _of_code(error.smtp_code)
    return Outcome(Verdict.RETRY, code="SMTP_UNREACHABLE", error=type(error).__name__, for_all=True)


def _of_code(code: int) -> Outcome:
    verdict = Verdict.DEAD if code >= 500 else Verdict.RETRY
    # 421 is the end of the whole conversation. Source: RFC 5321, section 4.2.2.
    return Outcome(verdict, code=f"SMTP_{code}", error=_answered(code), for_all=code == 421)


def _refused_us(code: int) -> Outcome:
    """The account or the sender is not accepted: ours to repair, unless it passes."""
    if code < 500:
        return Outcome(Verdict.RETRY, code=f"SMTP_{code}", error=_answered(code), for_all=True)
    return Outcome(Verdict.REFUSED, code=f"SMTP_{code}", error=_answered(code), alert="email_refused", for_all=True)


def _answered(code: int) -> str:
    return f"the mail server answered {code}"
