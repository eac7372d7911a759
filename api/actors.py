from rest_framework.request import Request

from accounts.models import User
from requests311.actors import Actor


def signed_in(request: Request) -> User:
    """The caller of a view that takes nobody else; IsAuthenticated has refused the rest."""
    if not isinstance(request.user, User):
        raise TypeError("this view needs the permission class IsAuthenticated")
    return request.user


def caller(request: Request) -> Actor:
    """The caller, or nobody."""
    return Actor(request.user if isinstance(request.user, User) else None)
