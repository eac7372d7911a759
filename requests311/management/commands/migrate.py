"""`manage.py migrate`: Django's own, but nobody waits more than a second for it."""

import time
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as DjangoMigrate
from django.db import OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from requests311 import schema_locks

#: Seconds before the second try; each further one waits twice as long, up to the limit.
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0


class Command(DjangoMigrate):
    help = (
        f"{DjangoMigrate.help} A lock that is not to be had within {schema_locks.WAIT} s is given up, so that nobody"
        " waits behind it, and tried again later. Exit code 1: the lock was never to be had, or a migration would"
        " hold a big table for too long; what is done is kept, the rest can be run again."
    )
    _guard: schema_locks.Guard | None = None

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--attempts", type=int, default=20, help="how often a lock is tried for, within about four minutes; 20"
        )
        parser.add_argument(
            "--no-lock-limit",
            action="store_true",
            help="wait for locks and hold them as long as it takes: for a maintenance window, when nobody is served",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        connection = connections[options["database"]]
        if options["no_lock_limit"] or options["check_unapplied"] or options["plan"] or connection.in_atomic_block:
            super().handle(*args, **options)
            return
        attempts, pause = max(1, options["attempts"]), FIRST_PAUSE
        with schema_locks.bounded(connection) as self._guard:
            for attempt in range(1, attempts + 1):
                try:
                    for name in schema_locks.drop_invalid_indexes(connection):
                        self.stdout.write(f"Dropped the index {name}: it was left unfinished by an earlier failure.")
                    super().handle(*args, **options)
                    return
                except OperationalError as error:
                    if not schema_locks.was_not_got(error):
                        raise
                    if attempt == attempts:
                        raise CommandError(self._gave_up(connection, attempts)) from error
                except schema_locks.HeldTooLong as error:
                    raise CommandError(
                        "\nThis migration holds a big table for longer than the people who use it may wait, and was"
                        " rolled back. It has to be written in smaller steps (docs/operations.md, Upgrading); or run"
                        " it with --no-lock-limit while nobody is served."
                    ) from error
                self.stdout.write(
                    f"\n  Somebody holds the lock; given up, so that nobody waits behind us. Try {attempt + 1} of"
                    f" {attempts} in {pause:g} s."
                )
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if self._guard is not None and action in {"apply_start", "unapply_start"}:
            self._guard.next_migration()
        super().migration_progress_callback(action, migration, fake)

    def _gave_up(self, connection: BaseDatabaseWrapper, attempts: int) -> str:
        holders = schema_locks.oldest_transactions(connection)
        who = "".join(f"\n  {holder}" for holder in holders) or "\n  (none now)"
        return (
            f"\nThe lock was not to be had in {attempts} tries; nothing of this migration is done, and running it again"
            f" goes on from here. End what holds it (pg_terminate_backend). The oldest open transactions:{who}"
        )
