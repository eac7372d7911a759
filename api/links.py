from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request


def base_url(request: Request | HttpRequest) -> str:
    """What stands before our paths in links: PUBLIC_URL, or the address this request came to."""
    return settings.PUBLIC_URL or request.build_absolute_uri("/").rstrip("/")
