from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from requests311.drawing import states_page


class Command(BaseCommand):
    help = "Writes docs/states.md from the state table in requests311/statuses.py."

    def handle(self, *args: Any, **options: Any) -> None:
        path = Path(settings.BASE_DIR) / "docs" / "states.md"
        path.write_text(states_page(), encoding="utf-8")
        self.stdout.write(f"Wrote {path.relative_to(settings.BASE_DIR)}.")
