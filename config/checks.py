"""System checks of the platform: whatever would break the database backend's promises."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.core.exceptions import ImproperlyConfigured
from django.db import Error as DatabaseError
from django.db import connections

from config.db.base import DatabaseWrapper
from config.db.limits import Limits

# During a rolling restart the old workers and the new ones have connections.
ROLLING: Final = 2

# What the server gives to this role in this database, beside those kept for superusers.
AVAILABLE: Final = """
    SELECT least(
        current_setting('max_connections')::int
            - current_setting('superuser_reserved_connections')::int
            - coalesce(current_setting('reserved_connections', true)::int, 0),
        nullif(rolconnlimit, -1), nullif(datconnlimit, -1))
    FROM pg_roles, pg_database WHERE rolname = current_user AND datname = current_database()"""


@register(Tags.compatibility)
def check_databases(**kwargs: Any) -> list[CheckMessage]:
    """Return what is wrong with DATABASES; asks no server."""
    found: list[CheckMessage] = []
    engines = {database["ENGINE"] for database in settings.DATABASES.values()}
    if len(engines) > 1:
        found.append(
            Error(
                f"The databases have several engines: {', '.join(sorted(engines))}.",
                hint="One budget and one way to retry hold only if all are config.db.",
                id="config.E004",
            )
        )
    for alias, database in settings.DATABASES.items():
        if database.get("CONN_MAX_AGE", 0) != 0:
            found.append(
                Error(
                    f"CONN_MAX_AGE of {alias!r} must be 0.",
                    hint="The pools keep connections; no thread has one of its own.",
                    id="config.E002",
                )
            )
        if database.get("ATOMIC_REQUESTS"):
            found.append(
                Error(
                    f"ATOMIC_REQUESTS of {alias!r} must be off.",
                    hint="It holds a connection for the whole request; use @write.",
                    id="config.E003",
                )
            )
        try:
            web_limits(database)
        except ImproperlyConfigured as error:
            found.append(
                Error(
                    f"The limits of {alias!r} are wrong: {error}",
                    hint="docs/operations.md lists them.",
                    id="config.E005",
                )
            )
    return found


@register(Tags.urls)
def check_origin(**kwargs: Any) -> list[CheckMessage]:
    """Return an error if links in mails would lead nowhere."""
    url: str = settings.FRONTEND_URL
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    if parts.scheme in {"http", "https"} and host and not host.startswith((".", "*")):
        return []
    return [
        Error(
            f"Links in mails would lead to {url!r}, which is no address.",
            hint="Set FRONTEND_URL, or name a host first in ALLOWED_HOSTS, not a pattern.",
            id="config.E006",
        )
    ]


@register(Tags.database)
def check_budget(databases: Sequence[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error if the workers may open more connections than their server gives.

    Aliases of one server share one budget. An unreachable server is a warning: serving goes on
    without it, and it may be back any time.
    """
    if check_databases():
        return []  # those come first
    servers: dict[tuple[str, str], list[str]] = defaultdict(list)
    for alias in databases or ():
        database = connections[alias].settings_dict
        if database["ENGINE"] == "config.db":
            servers[str(database["HOST"]), str(database["PORT"])].append(alias)
    found: list[CheckMessage] = []
    for aliases in servers.values():
        try:
            available = count_available(cast(DatabaseWrapper, connections[aliases[0]]))
        except DatabaseError as error:
            found.append(
                Warning(
                    f"The connections of {aliases[0]!r} could not be counted: {error}",
                    hint="Whether the workers' connections fit the server is unknown.",
                    id="config.W001",
                )
            )
            continue
        limits = [web_limits(connections[alias].settings_dict) for alias in aliases]
        found += weigh(limits, available)
    return found


def weigh(limits: Sequence[Limits], available: int) -> list[CheckMessage]:
    """Return an error with the arithmetic and a setting that fits, if these limits do not."""
    needed, budget, text = count_connections(limits, available)
    if needed <= budget:
        return []
    others = sum(each.connections for each in limits[1:])
    hint = _fitting(limits[0], budget // ROLLING, others)
    return [Error(f"{text}.", hint=hint, id="config.E001")]


def count_connections(limits: Sequence[Limits], available: int) -> tuple[int, int, str]:
    """Return how many the workers may open, how many there are for them, and both in words."""
    workers = max(each.processes for each in limits)
    reserved = max(each.reserved for each in limits)
    size = sum(each.connections for each in limits)
    budget = available - reserved
    needed = ROLLING * workers * size
    text = (
        f"The workers may open {needed} connections ({workers} workers x {size} x {ROLLING} "
        f"for a rolling restart); the server has {budget} for them ({available} less "
        f"DB_RESERVED {reserved})"
    )
    return needed, budget, text


def web_limits(database: Mapping[str, Any]) -> Limits:
    """Return an app server's limits, whatever this process is; raise ImproperlyConfigured."""
    options = database.get("OPTIONS", {}).get("pool")
    web = {**options, "process": "web"} if isinstance(options, Mapping) else options
    return Limits.read(web)


def count_available(db: DatabaseWrapper) -> int:
    """Return how many connections the server gives; raises what the database does."""
    with db.cursor() as cursor:
        cursor.execute(AVAILABLE)
        return int(cursor.fetchone()[0])


def _fitting(limits: Limits, budget: int, others: int) -> str:
    """Return settings whose workers need at most `budget`, in words."""
    each = budget // limits.processes - others
    if each >= limits.pools:
        return f"DB_POOL_SIZE={each // limits.pools} fits."
    if each >= 2:
        return f"DB_POOLS={each} DB_POOL_SIZE=1 DB_WRITE_RESERVE=1 fits."
    if (workers := budget // (2 + others)) >= 1:
        return f"WEB_WORKERS={workers} DB_POOLS=2 DB_POOL_SIZE=1 DB_WRITE_RESERVE=1 fits."
    return "Nothing fits: raise max_connections or lower DB_RESERVED."
