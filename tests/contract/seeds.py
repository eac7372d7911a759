"""A city with reports and phones in it, so that fuzzed requests meet something."""

from typing import Any

from accounts.tokens import open_session
from tests.api.asking import API, phone_entry, submitted, uploaded
from tests.factories.assets import light
from tests.factories.cities import person, small_city
from tests.factories.people import signed_in


class Seeds:
    def __init__(self) -> None:
        city = small_city()
        guest, crew = person(), person(role="crew", city=city, department="roads-west")
        phone = signed_in(guest)
        self.guest = {"Authorization": f"Bearer {open_session(guest).access}"}
        self.staff = {"Authorization": f"Bearer {open_session(crew).access}"}
        self.place = city.point_in("west")
        self.photo = uploaded(phone)
        self.request = submitted(phone, city, photos=[uploaded(phone)], description="Deep.")
        self.asset = str(light(city).pk)
        for one in (phone, signed_in(crew)):
            one.put(f"{API}/me/devices/phone-1", phone_entry())

    def put_into(self, case: Any) -> None:
        """Half of the well-formed cases get values that exist; the rest stay as they were drawn.

        Decided by the drawn value itself and not by chance, so that a run can be repeated.
        """
        path = case.path_parameters
        if not isinstance(path, dict):
            return
        for name, known in (
            ("key", self.request["number"]),
            ("photo_id", self.photo),
            ("installation_id", "phone-1"),
            ("asset_id", self.asset),
            # A tile that has something.
            ("z", 11),
            ("x", 455),
            ("y", 774),
        ):
            if name in path and len(str(path[name])) % 2:
                path[name] = known
