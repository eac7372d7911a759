"""docs/working-day.md, replayed as it stands through HTTP against the sample city."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from rest_framework.test import APIClient

from notifications.models import Message
from requests311.announce import announce, leftovers
from tests.factories.cities import load_nyc

PAGE = Path(__file__).resolve().parents[3] / "docs" / "working-day.md"


def calls() -> list[str]:
    """The calls of all blocks, in order, each as its lines."""
    blocks = re.findall(r"^```http\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return [call.strip() for block in blocks for call in re.split(r"\n\n(?=[A-Z]+ )", block)]


class Day:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def replay(self, call: str) -> None:
        asked, _, expected = call.partition("\n→ ")
        first, *rest = asked.splitlines()
        found = re.fullmatch(r"([A-Z]+) (\S+) as (\w+)", first)
        assert found, first
        method, path, who = found.groups()
        headers, body = self._parts(rest)
        client = APIClient()
        if who != "nobody":
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {self.kept[who]}")
        if "$link" in path:
            self.kept["link"] = self._mailed()
        sent = {"data": json.loads(self._filled(body)), "format": "json"} if body else {}
        response = getattr(client, method.lower())(self._filled(path), headers=headers, **sent)
        status, *claims = expected.splitlines()
        assert response.status_code == int(status), (first, response.content)
        if "ETag" in response:
            self.kept["etag"] = response["ETag"]
        answer = json.loads(response.content) if response.content else None
        for claim in claims:
            self._hold(answer, claim)

    def _parts(self, lines: list[str]) -> tuple[dict[str, str], str]:
        headers = {}
        while lines and re.match(r"[A-Z][\w-]+: ", lines[0]):
            name, _, value = lines.pop(0).partition(": ")
            headers[name] = self._filled(value)
        return headers, "\n".join(lines)

    def _hold(self, answer: Any, claim: str) -> None:
        if kept := re.fullmatch(r"(\w+) = (\S+)", claim):
            self.kept[kept[1]] = str(member(answer, kept[2]))
            return
        path, _, value = claim.partition(": ")
        there, said = member(answer, path), self._filled(value)
        assert (there if isinstance(there, str) else json.dumps(there)) == said, claim

    def _filled(self, text: str) -> str:
        return re.sub(r"\$(\w+)", lambda name: self.kept[name[1]], text)

    def _mailed(self) -> str:
        """The worker tells people of what happened; the contractor opens the link in the e-mail."""
        for event in leftovers(100):
            announce(event)
        link = Message.objects.get(kind="handover_link").data["link"]
        return str(link[link.index("/api/") :])


def member(answer: Any, path: str) -> Any:
    for part in path.split("."):
        answer = answer[int(part)] if isinstance(answer, list) else answer[part]
    return answer


@pytest.mark.django_db
def test_the_day_as_the_page_tells_it() -> None:
    load_nyc()
    call_command("sample_people", verbosity=0)
    day = Day()
    for call in calls():
        day.replay(call)


def test_the_page_is_read() -> None:
    """A page whose blocks are no longer found would pass."""
    assert len(calls()) > 40
