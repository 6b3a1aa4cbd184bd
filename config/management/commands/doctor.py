"""Look at everything the application needs, and say what to do where something is wrong."""

import sys
from typing import IO, Any, Final, cast

from django.core.management.base import BaseCommand
from rich.console import Console
from rich.markup import escape

from config.doctor import describe, examine

STYLES: Final = {"ok": "green", "warn": "yellow", "fail": "bold red"}


class Command(BaseCommand):
    """Prints one line for each finding."""

    help = (
        "Look at database, Redis, mail, files and settings. Exit code 1: something must be fixed."
    )
    requires_system_checks = []  # they are among what is looked at

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, print, and exit with 1 if a line says fail."""
        console = Console(file=cast(IO[str], self.stdout), soft_wrap=True)
        has_failed = False
        for finding in examine():
            level, rest = describe(finding)[:4], describe(finding)[4:]
            console.print(f"[{STYLES[finding.level]}]{level}[/]{escape(rest)}", highlight=False)
            has_failed |= finding.level == "fail"
        if has_failed:
            sys.exit(1)
