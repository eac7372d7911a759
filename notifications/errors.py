"""What can go wrong here: a class, a code, and a docstring that is the message."""


class NotificationsError(Exception):
    """The notification could not be handled."""

    code = "notifications_error"

    def __str__(self) -> str:
        return super().__str__() or " ".join((type(self).__doc__ or "").split())


class OutsideTransaction(NotificationsError):
    """The outbox must be entered inside the transaction that makes the event, or a crash could tell of
    an event that never happened, or lose one that did."""

    code = "outside_transaction"


class EmailNotConfigured(NotificationsError, OSError):
    """EMAIL_URL is not set, so e-mails wait in the outbox."""

    code = "email_not_configured"


class PushNotConfigured(NotificationsError):
    """FIREBASE_CREDENTIALS is empty or unusable, so pushes wait in the outbox."""

    code = "push_not_configured"
