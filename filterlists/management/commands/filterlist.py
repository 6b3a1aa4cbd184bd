"""Filter lists from the command line."""

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from django.http import Http404

from accounts.cache import Person, load_person
from accounts.lookups import find_person
from config.api.tables import InvalidFilter, Table, all_tables, parse_filter
from config.api.tables.explain import explain
from filterlists.cache import asker_of, conditions_of, id_of, usable_lists


class Command(BaseCommand):
    help = "Explain what a filter list means to somebody, and the SQL that it becomes."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare `explain KEY --as USER`."""
        commands = parser.add_subparsers(dest="command", required=True)
        one = commands.add_parser("explain", help="what a list means to a person, now")
        one.add_argument("key", help="the id of a list, or a key such as standard:running")
        one.add_argument("--as", dest="username", required=True, metavar="USER")
        one.add_argument("--table", help="needed for a key that is no id")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the meaning and the SQL."""
        user = find_person(options["username"])
        if user is None:
            raise CommandError(f"There is no user {options['username']}.")
        person = load_person(user.id)
        asker = asker_of(person)
        table = self._table(person, options["key"], options["table"])
        try:
            document = conditions_of(person, table, options["key"])
            wanted = parse_filter(table, *document, asker)
        except Http404 as error:
            raise CommandError(f"{person.username} may run no such list.") from error
        except InvalidFilter as refusal:
            problems = "\n".join(
                f"  {each['field']}: {each['detail']}" for each in refusal.extra["errors"]
            )
            raise CommandError(f"{refusal.detail}\n{problems}") from refusal
        role = person.active_role.name if person.active_role else "no role"
        when = asker.now.astimezone(asker.zone)
        self.stdout.write(f"{table.name}, for {person.username} as {role}, {when:%F %T %Z}:")
        for line in explain(wanted, asker):
            self.stdout.write(f"  {line}")
        rows = table.visible(person).filter(wanted.q(asker)).values("id")
        try:
            sql, parameters = rows.query.sql_with_params()
        except EmptyResultSet:
            self.stdout.write("-- Nothing can pass, so the database is not asked.")
            return
        operations: Any = connection.ops
        self.stdout.write(f"{operations.compose_sql(sql, parameters)};")

    def _table(self, person: Person, key: str, name: str | None) -> Table:
        if name is None and (list_id := id_of(key)):
            row = usable_lists(person).filter(pk=list_id).values_list("table", flat=True)
            name = row.first()
        if (table := all_tables().get(name or "")) is None:
            raise CommandError(f"{person.username} may run no such list; is --table missing?")
        return table
