"""/api/docs and /api/openapi.yaml"""

import re
from pathlib import Path

import pytest
import yaml
from django.contrib.staticfiles import finders
from rest_framework.test import APIClient

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_page_takes_everything_from_this_server(client: APIClient) -> None:
    response = client.get("/api/docs", headers={"Accept": "text/html"})
    assert response.status_code == 200
    page = response.content.decode()
    assert "swagger-ui" in page
    sources = re.findall(r"""(?:src|href)\s*=\s*["']([^"']+)""", page)
    assert sources
    assert [source for source in sources if not source.startswith(("/", "data:", "#"))] == []
    assert not re.search(r"(?:https?:)?//(?!testserver)[a-z]", page), "the page names another host"
    for source in sources:
        if source.startswith("/static/"):
            assert finders.find(source.removeprefix("/static/")), source


def test_the_root_leads_there(client: APIClient) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, "/api/docs")


def test_the_schema_is_the_committed_one(client: APIClient) -> None:
    response = client.get("/api/openapi.yaml")
    assert response.status_code == 200
    assert yaml.safe_load(response.content) == yaml.safe_load((ROOT / "openapi.yaml").read_text())
