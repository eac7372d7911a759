"""STORAGE_URL → Django's STORAGES: local files by default, S3 where the URL says so.

Two storages, so that no rule can mix them up: `originals` as received, never served to anybody but
staff, and `variants`, re-encoded and free of metadata.
"""

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


def storage_settings(url: str) -> dict[str, dict[str, Any]]:
    """Raises ValueError, with the way out, for a URL that is neither file: nor s3:."""
    parts = urlsplit(url)
    static = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
    if parts.scheme == "file" and parts.path.startswith("/") and not parts.netloc:
        return static | {name: _files(unquote(parts.path), name) for name in ("default", "originals", "variants")}
    if parts.scheme == "s3" and parts.netloc:
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        return static | {name: _s3(parts, query, name) for name in ("default", "originals", "variants")}
    raise ValueError(f"{url!r} is neither file:///directory nor s3://bucket?region=…&endpoint=…")


def _files(root: str, name: str) -> dict[str, Any]:
    return {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {
            "location": f"{root.rstrip('/')}/{name}",
            # A photo that is processed again writes its variants over the former ones; an original is never.
            "allow_overwrite": name == "variants",
            "file_permissions_mode": 0o600,
            "directory_permissions_mode": 0o700,
        },
    }


def _s3(parts: Any, query: dict[str, str], name: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bucket_name": parts.netloc,
        "location": f"{parts.path.strip('/')}/{name}".strip("/"),
        "querystring_auth": True,
        "querystring_expire": 300,
        "file_overwrite": name == "variants",
        "default_acl": None,
    }
    if "region" in query:
        options["region_name"] = query["region"]
    if "endpoint" in query:
        options["endpoint_url"] = query["endpoint"]
    if parts.username:
        options["access_key"] = unquote(parts.username)
        options["bucket_name"] = parts.hostname
    if parts.password:
        options["secret_key"] = unquote(parts.password)
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": options}
