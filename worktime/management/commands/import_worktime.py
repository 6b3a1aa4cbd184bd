"""`manage.py import_worktime FILE`: records from CSV, all or none."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rich.progress import Progress

from accounts.lookups import find_person
from config.names import normal_form
from organizations.models import Organization
from worktime.services.imports import ImportRefused, import_worktimes
from worktime.transfer import Line, LineError, read_lines


class Command(BaseCommand):
    help = (
        "Import records from a CSV file in UTF-8 with the columns username, branch, started_at, "
        "ended_at (ISO 8601 with an offset) and, if you like, time_zone and notes. Other columns "
        "are left alone, so an export can be imported. Nothing is imported if any line is wrong."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--organization", required=True, metavar="NAME", help="its short name")
        parser.add_argument("--author", metavar="USERNAME", help="who is named in the revisions")
        parser.add_argument("--dry-run", action="store_true", help="check only, store nothing")

    def handle(
        self,
        *args: Any,
        file: Path,
        organization: str,
        author: str | None,
        dry_run: bool,
        **options: Any,
    ) -> None:
        home = Organization.objects.filter(name=normal_form(organization)).first()
        if home is None:
            raise CommandError(f"There is no organisation “{organization}”.")
        who = find_person(author) if author else None
        if author and who is None:
            raise CommandError(f"There is no user “{author}”.")
        lines, errors = self.read(file)
        if not errors:
            try:
                with Progress(transient=True, disable=not self.stdout.isatty()) as progress:
                    task = progress.add_task("Importing", total=len(lines))
                    count = import_worktimes(
                        organization=home,
                        lines=lines,
                        author_id=who.pk if who else None,
                        is_rehearsal=dry_run,
                        report=lambda done: progress.update(task, completed=done),
                    )
            except ImportRefused as error:
                errors = error.errors
        for each in errors:
            self.stderr.write(f"{file}: {each}")
        if errors:
            raise CommandError(f"Nothing was imported: {len(errors)} errors.")
        self.stdout.write(
            f"{count} records could be imported." if dry_run else f"Imported {count} records."
        )

    def read(self, file: Path) -> tuple[list[Line], list[LineError]]:
        """Return the lines of the file and what is wrong with some."""
        lines: list[Line] = []
        errors: list[LineError] = []
        try:
            with file.open(encoding="utf-8-sig", newline="") as content:
                for each in read_lines(content):
                    if isinstance(each, Line):
                        lines.append(each)
                    else:
                        errors.append(each)
        except OSError as error:
            raise CommandError(f"{file}: {error.strerror}") from error
        return lines, errors
