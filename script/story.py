"""One complete story over HTTP, as a phone and a crew would play it: the smoke check of script/server."""

import io
import json
import secrets
import time
from datetime import datetime
from typing import Any

import httpx
from PIL import ExifTags, Image, ImageDraw

from script.machine.console import ScriptError, say

#: A street in Williamsburg, Brooklyn.
LATITUDE, LONGITUDE = 40.7081, -73.9571
SERVICE = "pothole"
#: How long a push or a photo's variants may take on a machine that is still warming up.
PATIENCE_SECONDS = 60


def play(web: str, emulator: str, crew: str, password: str) -> None:
    """Plays the story against the server at `web`; raises ScriptError naming the call that failed."""
    with (
        httpx.Client(base_url=f"{web}/api/v1", trust_env=False, timeout=30) as phone,
        httpx.Client(base_url=f"{web}/api/v1", trust_env=False, timeout=30) as desk,
        httpx.Client(base_url=emulator, trust_env=False, timeout=30) as screen,
    ):
        _Story(phone, desk, screen).play(crew, password)


class _Story:
    def __init__(self, phone: httpx.Client, desk: httpx.Client, screen: httpx.Client) -> None:
        self.phone = phone
        self.desk = desk
        self.screen = screen
        # A phone of its own each time, so that a push of an earlier story cannot pass for this one's.
        self.token = f"story-{secrets.token_hex(24)}"
        self.seen = 0

    def play(self, crew: str, password: str) -> None:
        self._sign_in()
        photo = self._photograph()
        number, tag = self._report(photo)
        self._push(number)
        self._work(crew, password, number, tag)

    def _sign_in(self) -> None:
        guest = _call(self.phone, "POST", "/auth/guest", json={})
        self.phone.headers["Authorization"] = f"Bearer {guest.json()['access']}"
        _call(
            self.phone,
            "PUT",
            f"/me/devices/story-{secrets.token_hex(8)}",
            json={
                "fcm": {"kind": "token", "value": self.token},
                "platform": "android",
                "locale": "en-US",
                "app_version": "1.0",
            },
        )
        say("  a resident signs in as a guest and registers a phone")

    def _photograph(self) -> str:
        photo = _call(self.phone, "POST", "/photos", files={"file": ("pothole.jpg", picture(), "image/jpeg")}).json()
        say(f"  uploads a photo, {photo['width']} × {photo['height']}, taken at {_place(photo['location'])}")
        return str(photo["id"])

    def _report(self, photo: str) -> tuple[str, str]:
        here = {"latitude": LATITUDE, "longitude": LONGITUDE}
        services = _call(self.phone, "GET", "/services", params=here).json()
        offered = services if isinstance(services, list) else services.get("results", services)
        say(f"  sees the {len(offered)} services offered there and picks “{SERVICE}”")
        answer = _call(
            self.phone,
            "POST",
            "/requests",
            json={
                "service": SERVICE,
                "location": here,
                "description": "Deep, near the kerb.",
                "photos": [photo],
            },
            headers={"Idempotency-Key": secrets.token_hex(16)},
        )
        report = answer.json()
        say(f"  report {report['number']} → {report['department']['name']}, because {report['reason']}")
        return report["number"], answer.headers["ETag"]

    def _work(self, crew: str, password: str, number: str, tag: str) -> None:
        session = _call(self.desk, "POST", "/auth/token", json={"email": crew, "password": password}).json()
        self.desk.headers["Authorization"] = f"Bearer {session['access']}"
        say(f"  the crew signs in as {crew}")
        moves: list[dict[str, str]] = [
            {"to": "acknowledged", "text": "We have seen it."},
            {"to": "in_progress", "text": "A crew is on its way."},
            {"to": "resolved", "text": "Filled with hot asphalt.", "resolution": "fixed"},
        ]
        for move in moves:
            answer = _call(self.desk, "POST", f"/requests/{number}/transitions", json=move, headers={"If-Match": tag})
            tag = answer.headers["ETag"]
            say(f"  the crew moves it to {answer.json()['status']}: {move['text']}")
            self._push(number)

    def _push(self, number: str) -> None:
        """Waits for the phone's next push and shows it."""
        begun = time.monotonic()
        while time.monotonic() - begun < PATIENCE_SECONDS:
            query: dict[str, str | int] = {"token": self.token, "since": self.seen, "wait": 5}
            messages = _call(self.screen, "GET", "/messages", params=query).json()
            if messages:
                self.seen = messages[0]["sequence"]
                shown = messages[0]["message"]["notification"]
                seconds = time.monotonic() - begun
                body = " ".join(shown["body"].split())
                say(f"  push received: “{shown['title']} — {body}” ({seconds:.1f} s)")
                return
        raise ScriptError(
            f"No push about {number} reached the phone within {PATIENCE_SECONDS} s.\n"
            "The worker's lines above say why; `manage.py fcm_emulator` keeps what it received at /messages."
        )


def picture() -> bytes:
    """A JPEG with the place and the time that a phone's camera writes into it."""
    image = Image.new("RGB", (1600, 1200), (96, 96, 100))
    ImageDraw.Draw(image).ellipse((500, 400, 1150, 850), fill=(30, 30, 32), outline=(60, 58, 56), width=24)
    exif = Image.Exif()
    exif[ExifTags.Base.Make] = "Requests311"
    exif[ExifTags.Base.Model] = "script/server"
    now = datetime.now().astimezone()
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    camera[ExifTags.Base.DateTimeOriginal] = now.strftime("%Y:%m:%d %H:%M:%S")
    camera[ExifTags.Base.OffsetTimeOriginal] = now.strftime("%z")[:3] + ":" + now.strftime("%z")[3:]
    place = exif.get_ifd(ExifTags.IFD.GPSInfo)
    place[ExifTags.GPS.GPSLatitudeRef] = "N" if LATITUDE >= 0 else "S"
    place[ExifTags.GPS.GPSLatitude] = _degrees(LATITUDE)
    place[ExifTags.GPS.GPSLongitudeRef] = "E" if LONGITUDE >= 0 else "W"
    place[ExifTags.GPS.GPSLongitude] = _degrees(LONGITUDE)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=85, exif=exif)
    return out.getvalue()


def _degrees(angle: float) -> tuple[float, float, float]:
    minutes, seconds = divmod(abs(angle) * 3600, 60)
    degrees, minutes = divmod(minutes, 60)
    return degrees, minutes, round(seconds, 3)


def _place(location: dict[str, float] | None) -> str:
    return f"{location['latitude']:.4f}, {location['longitude']:.4f}" if location else "an unknown place"


def _call(client: httpx.Client, method: str, path: str, **request: Any) -> httpx.Response:
    """One call; ScriptError with the call, the status and the whole answer when it is refused."""
    try:
        answer = client.request(method, path, **request)
    except httpx.HTTPError as error:
        raise ScriptError(f"{method} {client.base_url}{path.lstrip('/')} got no answer: {error!r}") from error
    if answer.is_success:
        return answer
    try:
        text = json.dumps(answer.json(), indent=2, ensure_ascii=False)
    except ValueError:
        text = answer.text[:2000]
    raise ScriptError(f"{method} {answer.request.url} answered {answer.status_code}:\n{text}")
