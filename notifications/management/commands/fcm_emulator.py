"""`manage.py fcm_emulator`: Google's side of push on this machine. See docs/fcm-emulator.md."""

import signal
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from notifications.emulator import Emulator, EmulatorError
from notifications.emulator.loopback import is_loopback


class Command(BaseCommand):
    help = "Runs an FCM server for development: takes pushes as Google would and shows each phone's screen."
    # It needs neither the database nor anything that a system check looks at.
    requires_system_checks = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
        parser.add_argument("--port", type=int, default=8099, help="port; 0 takes a free one (default: 8099)")
        parser.add_argument(
            "--credentials",
            type=Path,
            default=Path(settings.VAR_DIR) / "fcm-emulator.json",
            help="service account's JSON file, made if missing (default: var/fcm-emulator.json)",
        )
        parser.add_argument(
            "--allow-lan",
            action="store_true",
            help="allow a --host that other machines reach, such as 0.0.0.0 for a phone in the same network",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        stop = threading.Event()
        self._stop_on_signals(stop)
        log = self._say if options["verbosity"] >= 2 else None
        try:
            emulator = Emulator(
                host=options["host"],
                port=options["port"],
                credentials=options["credentials"].absolute(),
                allow_lan=options["allow_lan"],
                log=log,
            )
        except EmulatorError as error:
            raise CommandError(str(error)) from error
        emulator.start()
        self._greet(emulator)
        try:
            stop.wait()
        finally:
            emulator.stop()
        self._say("FCM emulator stopped.")

    def _stop_on_signals(self, stop: threading.Event) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda *_: stop.set())

    def _greet(self, emulator: Emulator) -> None:
        if not is_loopback(emulator.host):
            self._say(
                self.style.WARNING(f"Warning: everybody in your network can read the messages on port {emulator.port}.")
            )
        self._say(f"FCM emulator: {emulator.url}/ shows the phones")
        self._say(f"  FIREBASE_CREDENTIALS={emulator.credentials_path}")
        self._say(f"  FCM_ENDPOINT={emulator.url}")

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        # Under a process manager stdout is a pipe, which would keep the line for itself.
        self.stdout.flush()
