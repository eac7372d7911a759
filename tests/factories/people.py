"""People for tests, and clients that are signed in as them."""

from rest_framework.test import APIClient

from accounts.models import User
from accounts.tokens import open_session

PASSWORD = "correct-horse-battery-311"


def guest() -> User:
    return User.objects.create_guest()


def resident(email: str = "resident@example.org") -> User:
    return User.objects.create_user(email, PASSWORD)


def signed_in(user: User) -> APIClient:
    """A client whose access token is real, from a session of its own."""
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {open_session(user).access}")
    return client


def token_of(user: User) -> str:
    """A real access token, from a session of its own, for programs that speak HTTP."""
    return open_session(user).access
