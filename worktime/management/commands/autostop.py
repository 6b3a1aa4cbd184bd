"""`manage.py autostop`: end running records at the instant an enforced limit was reached."""

from argparse import ArgumentParser
from time import sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import InterfaceError, OperationalError
from rich.progress import track

from worktime.services.limits import records_beyond_limit, stop_at_limit


class Command(BaseCommand):
    help = "End running records at the exact instant an enforced daily limit was reached."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--watch",
            type=float,
            metavar="SECONDS",
            help="do it again every so many seconds; any number of machines may",
        )

    def handle(self, *args: Any, watch: float | None, **options: Any) -> None:
        if watch is None:
            self.stdout.write(f"Stopped {self.stop_all()} records.")
            return
        if not 1 <= watch <= 86_400:
            raise CommandError("--watch takes 1 to 86400 seconds.")
        while True:
            try:
                self.stop_all()
            except (OperationalError, InterfaceError) as error:
                # The instants are exact whenever it looks, so the next look will do.
                self.stderr.write(f"The database cannot serve this now: {error}")
            sleep(watch)

    def stop_all(self) -> int:
        """Stop what is due, each in a transaction of its own; return how many."""
        due, stopped = records_beyond_limit(), 0
        for worktime_id in track(due, "Stopping", transient=True, disable=not self.is_watched()):
            record = stop_at_limit(worktime_id=worktime_id)
            if record is not None:
                stopped += 1
                self.stdout.write(f"{record.user.username}: stopped at {record.ended_at}")
        return stopped

    def is_watched(self) -> bool:
        """Return whether a person sees the output."""
        return bool(self.stdout.isatty())
