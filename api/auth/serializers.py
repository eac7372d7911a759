from typing import Any

from rest_framework import serializers

from api.fields import StrictSerializer, Text


class Nothing(StrictSerializer):
    """An empty object."""


class Credentials(StrictSerializer):
    email = Text(max_length=254)
    password = Text(max_length=1000, trim_whitespace=False)


class RefreshToken(StrictSerializer):
    refresh = Text(max_length=4096)


class Person(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    is_guest = serializers.BooleanField()


class Tokens(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Bearer token, good for ten minutes.")
    refresh = serializers.CharField(help_text="Good for one exchange at /auth/refresh.")


class SignedIn(Tokens):
    user = Person()
