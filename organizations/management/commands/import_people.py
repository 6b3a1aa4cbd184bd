"""Import people from a CSV file."""

import csv
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from rest_framework import serializers
from rich.console import Console
from rich.progress import Progress

from config.names import normal_form
from organizations.models import Organization
from organizations.serializers.users import UserCreateSerializer
from organizations.services.importing import ImportRefused, OnlyTried, import_people


class LineSerializer(UserCreateSerializer):
    """One line; an empty cell is a field that is not given."""

    role = serializers.CharField()
    branch = serializers.CharField(default="")
    roles = None  # type: ignore[assignment]
    branches = None  # type: ignore[assignment]

    class Meta(UserCreateSerializer.Meta):
        fields: tuple[str, ...] = (
            "username",
            "email",
            "role",
            "branch",
            *UserCreateSerializer.Meta.fields[4:],
        )


class Command(BaseCommand):
    help = (
        "Import people from a CSV file with a header line: username, email, role, and if wanted "
        "branch, first_name, last_name, employee_number and so on. All lines or none."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("organization", help="its name")
        parser.add_argument("file", type=Path, help="UTF-8; commas or semicolons")
        parser.add_argument("--dry-run", action="store_true", help="try it and change nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        name = normal_form(options["organization"])
        organization = Organization.objects.filter(name=name).first()
        if organization is None:
            raise CommandError(f"There is no organisation “{options['organization']}”.")
        people = self._checked(_lines(options["file"]))
        console = Console(file=self.stderr, stderr=False)  # type: ignore[arg-type]
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("Importing", total=len(people))
            try:
                import_people(
                    organization_id=organization.id,
                    people=people,
                    dry_run=options["dry_run"],
                    progress=lambda done: progress.update(task, completed=done),
                )
            except ImportRefused as error:
                raise self._refused(error.errors) from error
            except OnlyTried:
                self.stdout.write(f"{len(people)} people could be imported; nothing was changed.")
                return
        self.stdout.write(f"Imported {len(people)} people.")

    def _checked(self, lines: dict[int, dict[str, str]]) -> dict[int, dict[str, Any]]:
        people, errors = {}, []
        for line, cells in lines.items():
            wanted = LineSerializer(data={name: cell for name, cell in cells.items() if cell})
            if wanted.is_valid():
                people[line] = wanted.validated_data
            else:
                errors += [(line, f"{name}: {each[0]}") for name, each in wanted.errors.items()]
        if errors:
            raise self._refused(errors)
        return people

    def _refused(self, errors: Any) -> CommandError:
        for line, text in errors:
            self.stderr.write(f"line {line}: {text}")
        return CommandError("Nothing was imported.")


def _lines(path: Path) -> dict[int, dict[str, str]]:
    """Return the cells of each line, by its number in the file and the names in the header."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            head = file.readline()
            file.seek(0)
            reader = csv.DictReader(file, delimiter=";" if ";" in head else ",", strict=True)
            names = [name.strip() for name in reader.fieldnames or ()]
            if not names:
                raise CommandError(f"{path} is empty; the first line has to name the columns.")
            if len(set(names)) < len(names):
                raise CommandError("A column is named twice.")
            if unknown := set(names) - set(LineSerializer.Meta.fields):
                raise CommandError(f"Unknown columns: {', '.join(sorted(unknown))}.")
            lines = {}
            for row in reader:
                # Too many cells are under None, too few are None.
                if None in row or None in row.values():
                    raise CommandError(f"line {reader.line_num}: the number of cells is wrong.")
                cells = (cell.strip() for cell in row.values())
                lines[reader.line_num] = dict(zip(names, cells, strict=True))
            return lines
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CommandError(f"{path} cannot be read: {error}") from error
