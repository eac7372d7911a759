"""Celery forks its workers: each child makes its own app, connections and threads."""

import os
import subprocess
import sys
from pathlib import Path

from tests.notifications.emulator import RunningEmulator

ROOT = Path(__file__).resolve().parents[2]

FORK = """
import os, sys, time, uuid, datetime, django
django.setup()
assert "firebase_admin" not in sys.modules
from notifications import tasks
from notifications.outcomes import Parcel
from notifications.sending import send_all
assert "firebase_admin" not in sys.modules, "only sending may load it: it takes memory in web processes"

def send(name):
    parcel = Parcel(uuid.uuid4(), uuid.uuid4(), 1, uuid.uuid4(), "generic", {}, {}, "", "en", "en",
        datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1), "android", "fid", name)
    [(_, outcome)] = send_all([parcel], start_by=time.monotonic() + 10)
    assert outcome.verdict == "sent", outcome

send("parent")
child = os.fork()
if not child:
    try:
        send("child")
    except BaseException:
        import traceback
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
send("parent")
"""


def test_a_forked_child_sends_on_its_own(fcm: RunningEmulator) -> None:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "FIREBASE_CREDENTIALS": str(fcm.credentials_path),
        "FCM_ENDPOINT": fcm.url,
    }
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [each["target"]["value"] for each in fcm.messages()] == ["parent", "child", "parent"]
