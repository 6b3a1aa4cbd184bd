"""`manage.py export_worktime FILE`: an organisation's records as CSV or XLSX."""

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import Progress

from config.db import clock
from organizations.models import Organization
from worktime.exports import Export
from worktime.models import WorkTime
from worktime.periods import EXAMPLES, InvalidPeriod, asked_period


class Command(BaseCommand):
    help = "Export an organisation's records; the file's ending says how: .csv or .xlsx."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--organization", required=True, metavar="NAME", help="its short name")
        for kind, example in EXAMPLES.items():
            parser.add_argument(f"--{kind}", help=f"such as {example}")

    def handle(self, *args: Any, file: Path, organization: str, **options: Any) -> None:
        home = Organization.objects.filter(name=organization.lower()).first()
        if home is None:
            raise CommandError(f"There is no organisation “{organization}”.")
        if file.suffix not in {".csv", ".xlsx"}:
            raise CommandError("The file's name must end with .csv or .xlsx.")
        try:
            period = asked_period({kind: options[kind] for kind in EXAMPLES if options[kind]})
        except InvalidPeriod as error:
            raise CommandError(str(error)) from error
        export = Export(
            records=WorkTime.objects.filter(organization=home),
            organization=home.display_name,
            rule=home.day_rule,
            zone=home.time_zone,
            now=clock.now(),
            period=period,
        )
        # Whole or not at all: a part of a CSV file looks like all of it.
        part = file.with_name(f"{file.name}.{os.getpid()}.part")
        try:
            with export, part.open("w+b") as target, self.progress() as progress:
                reading = progress.add_task("Reading", total=None)
                export.read()
                progress.update(reading, total=export.found, completed=export.found)
                writing = progress.add_task("Writing", total=export.found)
                write = export.write_csv if file.suffix == ".csv" else export.write_xlsx
                write(target, lambda done: progress.update(writing, completed=done))
            part.replace(file)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        finally:
            part.unlink(missing_ok=True)
        self.stdout.write(f"Exported {export.rows} records to {file}.")

    def progress(self) -> Progress:
        """Return a display for people who watch."""
        return Progress(transient=True, disable=not self.stdout.isatty())
