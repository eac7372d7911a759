"""`manage.py forwards`: requests that could not be handed over to a department's own system."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand

from requests311.forwarding import resending
from requests311.models import Forward


class Command(BaseCommand):
    help = (
        "Lists requests that are stuck on their way to a department's own system, the oldest first, with the reason."
        " --resend sends them again."
    )

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--resend", action="store_true", help="send them again")
        parser.add_argument("--department", metavar="CODE", help="only those of this department's connector")

    def handle(self, *, resend: bool, department: str | None, **options: Any) -> None:
        stuck = Forward.objects.stuck().select_related("request", "connector__department")
        if department:
            stuck = stuck.filter(connector__department__code=department)
        count = 0
        for forward in stuck.order_by("created_at").iterator(chunk_size=500):
            count += 1
            code = forward.connector.department.code
            self.stdout.write(
                f"{forward.request.number}  {code}  {forward.created_at:%Y-%m-%d %H:%M}  {forward.last_error}"
            )
        self.stdout.write(f"{count} stuck.")
        if resend and count:
            self.stdout.write(f"{resending.resend(stuck)} will be sent again.")
