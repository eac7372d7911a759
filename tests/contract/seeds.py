"""A city with reports and phones in it, so that fuzzed requests meet something."""

from itertools import cycle
from typing import Any

from accounts.tokens import open_session
from requests311 import links
from requests311.actions.ask import ask
from requests311.actions.hand_over import hand_over
from requests311.actions.note import note
from requests311.actors import Actor
from requests311.models import (
    Event,
    EventKind,
    Handover,
    Membership,
    Question,
    SavedFilter,
    ServiceRequest,
    StandardText,
    Webhook,
)
from tests.api.asking import API, phone_entry, submitted, uploaded
from tests.factories.assets import light
from tests.factories.cities import person, small_city
from tests.factories.people import signed_in


class Seeds:
    def __init__(self) -> None:
        city = small_city()
        guest, crew = person(), person(role="crew", city=city, department="roads-west")
        for role, department in (("manager", "roads-west"), ("dispatcher", None)):
            Membership.objects.create(
                user=crew,
                role=role,
                jurisdiction=city.jurisdiction,
                department=city.departments[department] if department else None,
            )
        phone = signed_in(guest)
        self.guest = {"Authorization": f"Bearer {open_session(guest).access}"}
        self.staff = {"Authorization": f"Bearer {open_session(crew).access}"}
        self.turns = cycle([self.staff, self.guest])
        self.place = city.point_in("west")
        self.photo = uploaded(phone)
        self.request = submitted(phone, city, photos=[uploaded(phone)], description="Deep.")
        self.asset = str(light(city).pk)
        staff = Actor(crew)
        number = self.request["number"]
        note(by=staff, key=number, if_version=1, text="Wet.")
        hand_over(by=staff, key=number, if_version=2, email="works@contractor.example")
        asked = submitted(phone, city)["number"]
        ask(by=staff, key=asked, if_version=1, text="Where?")
        webhook = Webhook.objects.create(
            jurisdiction=city.jurisdiction,
            department=city.departments["roads-west"],
            url="https://93.184.215.14/",
            secret="whsec_bmV3",
        )
        said = {"status": "resolved", "language": "en", "title": "Done", "text": "{number}"}
        self.known: list[tuple[str, Any]] = [
            ("key", number),
            ("photo_id", self.photo),
            ("installation_id", "phone-1"),
            ("asset_id", self.asset),
            ("event_id", str(Event.objects.get(kind=EventKind.NOTED).pk)),
            ("handover_id", str(Handover.objects.get().pk)),
            ("webhook_id", str(webhook.pk)),
            ("filter_id", str(SavedFilter.objects.create(owner=crew, name="Mine", query={}, position=0).pk)),
            ("template_id", str(StandardText.objects.create(jurisdiction=city.jurisdiction, **said).pk)),
            # A tile that has something.
            ("z", 11),
            ("x", 455),
            ("y", 774),
        ]
        self.tokens = {
            "questions": links.token_for(links.Purpose.ANSWER, Question.objects.get().pk),
            "handovers": links.token_for(links.Purpose.HANDOVER, Handover.objects.get().pk),
        }
        for one in (phone, signed_in(crew)):
            one.put(f"{API}/me/devices/phone-1", phone_entry())

    def put_into(self, case: Any) -> None:
        """Half of the well-formed cases get values that exist; the rest stay as they were drawn.

        Decided by the drawn value itself and not by chance, so that a run can be repeated.
        """
        path = case.path_parameters
        if not isinstance(path, dict):
            return
        for name, known in self.known:
            if name in path and len(str(path[name])) % 2:
                path[name] = known
        if "token" in path and len(str(path["token"])) % 2:
            path["token"] = self.tokens["questions" if "questions" in str(case.operation.path) else "handovers"]
        self._name_the_version(case)

    def _name_the_version(self, case: Any) -> None:
        """Or all of them would end at a version that there never was."""
        given = (case.headers or {}).get("If-Match")
        key = (case.path_parameters or {}).get("key")
        if isinstance(given, str) and len(given) % 2 and key == self.request["number"]:
            version = ServiceRequest.objects.values_list("version", flat=True).get(number=key)
            case.headers["If-Match"] = f'"{version}-00000000"'
