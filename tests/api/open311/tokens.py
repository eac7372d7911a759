"""Requests that went on to another system, which answered with a token."""

from requests311.models import Forward, ServiceRequest


def answered_with_token(request: ServiceRequest, token: str) -> Forward:
    return Forward.objects.create(request=request, token=token)
