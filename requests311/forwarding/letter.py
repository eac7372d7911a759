"""Handing over by e-mail: one plain text to the department's address."""

import smtplib
from email.utils import parseaddr

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import select_template

from requests311.forwarding.contents import contact, photo_urls
from requests311.forwarding.outcomes import Accepted, Failed, Outcome
from requests311.forwarding.words import language_of
from requests311.models import Forward

_LANGUAGES = {"en": "en", "es": "es"}


def send(forward: Forward) -> Outcome:
    """The same letter has the same Message-ID, so that a mail program shows one that came twice once."""
    _, _, domain = parseaddr(settings.DEFAULT_FROM_EMAIL)[1].rpartition("@")
    subject, _, body = _text(forward).partition("\n")
    message = EmailMessage(
        subject=" ".join(subject.split()),
        body=body.strip() + "\n",
        to=[forward.connector.email],
        reply_to=[address] if (address := contact(forward.connector, forward.request).get("email")) else None,
        headers={"Message-ID": f"<{forward.pk}@{domain or 'requests311'}>"},
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused as error:
        # Below 500 it is greylisting, or a mailbox that is full today.
        passing = all(code < 500 for code, _ in error.recipients.values())
        return Failed("The mail server takes no letters for this address.", may_pass=passing)
    except smtplib.SMTPDataError as error:
        return Failed(f"The mail server answered {error.smtp_code}.", may_pass=error.smtp_code < 500)
    except (smtplib.SMTPException, OSError) as error:
        return Failed(f"The mail server cannot be used ({type(error).__name__}).", may_pass=True, is_down=True)
    return Accepted()


def _text(forward: Forward) -> str:
    request = forward.request
    language = language_of(request, _LANGUAGES)
    template = select_template([f"requests311/forwarding/{language}.txt", "requests311/forwarding/en.txt"])
    text: str = template.render(
        {
            "request": request,
            "attributes": [(code, _answer(value)) for code, value in request.attributes.items()],
            "contact": contact(forward.connector, request),
            "photos": photo_urls(request),
            "areas": ", ".join(str(area["name"]) for area in request.areas),
            "latitude": f"{request.location.y:.6f}",
            "longitude": f"{request.location.x:.6f}",
        }
    )
    return text


def _answer(value: object) -> str:
    return ", ".join(str(one) for one in value) if isinstance(value, list) else str(value)
