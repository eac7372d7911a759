"""People and their signed-in sessions."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from uuid_utils.compat import uuid7


class UserManager(BaseUserManager["User"]):
    def create_guest(self, *, language: str = "") -> "User":
        """A person without a name: reports now, may register later and keep the reports."""
        user = self.model(is_guest=True, language=language)
        user.set_unusable_password()
        user.save(using=self._db)
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        """A registered person; the e-mail address is kept in lower case."""
        email = email.strip().lower()
        if not email:
            raise ValueError("A registered user needs an e-mail address.")
        user = self.model(email=email, is_guest=False, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """A resident, a guest or a member of staff; what staff may do is in their memberships, not here."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(max_length=254, unique=True, null=True, blank=True)
    name = models.CharField(max_length=200, blank=True)
    language = models.CharField(max_length=35, blank=True, help_text="BCP 47 tag; empty: the jurisdiction's first.")
    is_guest = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False, help_text="May open the admin site.")
    #: Every session carries the epoch it began in; a new password starts a new one and so ends them all.
    session_epoch = models.PositiveIntegerField(default=0, editable=False)
    joined_at = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(is_guest=True, email__isnull=True) | models.Q(is_guest=False, email__isnull=False),
                name="user_is_guest_or_has_email",
            ),
            models.CheckConstraint(
                condition=models.Q(email__isnull=True) | models.Q(email=Lower("email")),
                name="user_email_is_lower_case",
            ),
        ]

    def __str__(self) -> str:
        return self.email or f"guest {self.pk}"

    def set_password(self, raw_password: str | None) -> None:
        """Sets the hash and ends every session that is open under the old password."""
        super().set_password(raw_password)
        self.session_epoch += 1

    def check_password(self, raw_password: str | None) -> bool:
        """Whether it is the password. A hash that is only renewed, with stronger settings, ends no session."""
        epoch = self.session_epoch
        correct = super().check_password(raw_password)
        # Django renews through set_password() but saves the hash alone; the row's epoch has not moved.
        self.session_epoch = epoch
        return correct


class Session(models.Model):
    """One signed-in device: a family of refresh tokens of which only the latest is good."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    epoch = models.PositiveIntegerField(help_text="The user's session_epoch when this session began.")
    refresh_id = models.UUIDField(help_text="The `jti` of the one refresh token that is good now.")
    created_at = models.DateTimeField(auto_now_add=True)
    rotated_at = models.DateTimeField()
    expires_at: "models.DateTimeField[datetime, datetime]" = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_because = models.CharField(max_length=40, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["expires_at"], name="session_expires_at"),
            models.Index(
                fields=["revoked_at"], condition=models.Q(revoked_at__isnull=False), name="session_revoked_at"
            ),
        ]

    def __str__(self) -> str:
        return f"session {self.pk}"
