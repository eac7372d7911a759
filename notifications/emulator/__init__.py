"""An FCM server for development and tests: Google's side of firebase-admin, with a page of the phones.

`manage.py fcm_emulator` runs it; docs/fcm-emulator.md says how to use it. It keeps everything in memory,
never touches the database and talks to nobody.
"""

from notifications.emulator.server import Emulator, EmulatorError

__all__ = ["Emulator", "EmulatorError"]
