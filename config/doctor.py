"""Looks at everything the application needs, and says what to do where something is wrong.

Each probe returns its findings and never raises for what it looks at: a missing server is a
finding.
"""

import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Literal, cast

from django.conf import settings
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core import checks
from django.core.mail import get_connection
from django.db import DEFAULT_DB_ALIAS, Error, connection
from django.db.migrations.executor import MigrationExecutor
from django_redis import get_redis_connection
from redis.exceptions import RedisError

from config.checks import check_databases, count_available, count_connections, web_limits
from config.db.base import DatabaseWrapper

CLOCKS_MAY_DIFFER_BY: Final = 1.0  # seconds
ABOUT_CONNECTIONS: Final = {"config.E001", "config.W001"}
OLDEST_POSTGRESQL: Final = 14_00_00
OLDEST_REDIS: Final = (6, 0)

Level = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """What was found about one thing; `fix` says what to do.

    With `refuses` serving would break a promise; all else can be mended while it runs.
    """

    level: Level
    subject: str
    text: str
    fix: str = ""
    refuses: bool = False


def examine() -> Iterator[Finding]:
    """Yield the findings of all probes, in the order to read them."""
    for probe in PROBES:
        yield from probe()


def describe(finding: Finding) -> str:
    """Return a line for people, and another with what to do."""
    fix = f"\n     -> {finding.fix}" if finding.fix else ""
    return f"{finding.level:4} {finding.subject}: {finding.text}{fix}"


def system_checks() -> Iterator[Finding]:
    """What `manage.py check --deploy --database default` says, the pools' arithmetic included."""
    found = checks.run_checks(
        include_deployment_checks=not settings.DEBUG, databases=[DEFAULT_DB_ALIAS]
    )
    for message in found:
        is_error = message.is_serious()
        subject = "connections" if message.id in ABOUT_CONNECTIONS else "settings"
        text = f"{message.id}: {message.msg}"
        yield Finding(
            "fail" if is_error else "warn", subject, text, message.hint or "", refuses=is_error
        )
    if not found:
        yield Finding("ok", "settings", "the checks pass")


def connections() -> Iterator[Finding]:
    """What the pools may open of what the server gives, where that can be said and fits."""
    if check_databases():
        return
    with suppress(Error):
        available = count_available(cast(DatabaseWrapper, connection))
        needed, budget, text = count_connections([web_limits(connection.settings_dict)], available)
        if needed <= budget:
            yield Finding("ok", "connections", text)


def database() -> Iterator[Finding]:
    """Whether it can be reached, its version, zone and clock, and migrations."""
    try:
        with connection.cursor() as cursor:
            before = time.time()
            cursor.execute(
                "SELECT current_setting('server_version_num')::int, current_setting('TimeZone'),"
                " extract(epoch FROM clock_timestamp())::float, pg_is_in_recovery()"
            )
            version, zone, clock, is_standby = cursor.fetchone()
            # The server looked at its clock somewhere between.
            skew = clock - (before + time.time()) / 2
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        fix = "Start PostgreSQL, or correct DATABASE_URL."
        yield Finding("fail", "database", f"cannot be reached: {str(error).strip()}", fix)
        return
    if version < OLDEST_POSTGRESQL:
        fix = "Use PostgreSQL 14 or later."
        yield Finding("fail", "database", f"its version is {version // 10000}", fix)
    elif is_standby:
        fix = "Name all hosts with target_session_attrs=read-write (docs/operations.md)."
        yield Finding("fail", "database", "this is a standby, which cannot be written to", fix)
    else:
        yield Finding("ok", "database", f"PostgreSQL {version // 10000} answers")
    if zone == "UTC":
        yield Finding("ok", "database zone", "UTC")
    else:
        fix = "ALTER ROLE … SET TimeZone = 'UTC': a pooler between does not pass the setting on."
        yield Finding("fail", "database zone", zone, fix)
    if abs(skew) <= CLOCKS_MAY_DIFFER_BY:
        yield Finding("ok", "clock", f"{skew:+.2f} s from here to the database")
    else:
        fix = "Run a time service (chrony, systemd-timesyncd) on both machines."
        yield Finding("warn", "clock", f"{skew:+.2f} s from here to the database", fix)
    if plan:
        fix = "Run manage.py migrate."
        yield Finding("fail", "migrations", f"{len(plan)} are not applied", fix)
    else:
        yield Finding("ok", "migrations", "all are applied")


def redis() -> Iterator[Finding]:
    """Whether it can be reached, its version, and what it does when it is full."""
    try:
        info = get_redis_connection("default").info()
    except RedisError as error:
        fix = "Start Redis, or correct REDIS_URL; without it every page is made from rows."
        yield Finding("warn", "redis", f"cannot be reached: {error}", fix)
        return
    version = str(info["redis_version"])
    if tuple(map(int, version.split(".")[:2])) < OLDEST_REDIS:
        yield Finding("fail", "redis", f"its version is {version}", "Use 6.0 or later, or Valkey.")
    else:
        yield Finding("ok", "redis", f"{info.get('server_name', 'redis')} {version} answers")
    policy = info.get("maxmemory_policy", "")
    if policy == "noeviction" and info.get("maxmemory"):
        fix = "Set maxmemory-policy to allkeys-lru: a full Redis must still take what is new."
        yield Finding("fail", "redis eviction", policy, fix)
    elif not info.get("maxmemory"):
        fix = "Set maxmemory (256mb is plenty) and maxmemory-policy allkeys-lru."
        yield Finding("warn", "redis eviction", "there is no limit to its memory", fix)
    else:
        yield Finding("ok", "redis eviction", policy)


def mail() -> Iterator[Finding]:
    """Whether the mail server takes a connection; sends nothing."""
    backend = get_connection()
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    if not settings.EMAIL_BACKEND.endswith(".smtp.EmailBackend"):
        level: Level = "ok" if settings.DEBUG else "warn"
        fix = "" if settings.DEBUG else "Set EMAIL_URL, or nobody can confirm an address."
        yield Finding(level, "mail", "is not sent, only shown here", fix)
        return
    try:
        backend.open()
        backend.close()
    except (OSError, smtplib.SMTPException) as error:
        yield Finding(
            "warn", "mail", f"{where}: {error}", "Set EMAIL_URL to a server that answers."
        )
        return
    yield Finding("ok", "mail", f"{where} answers")


def static_files() -> Iterator[Finding]:
    """Whether they are collected, where they are served from a folder."""
    if settings.DEBUG:
        yield Finding("ok", "static files", "are served from the sources")
        return
    try:
        staticfiles_storage.url("admin/css/base.css")
    except ValueError:
        fix = "Run manage.py collectstatic --noinput."
        yield Finding("fail", "static files", f"are not in {settings.STATIC_ROOT}", fix)
        return
    yield Finding("ok", "static files", "are collected")


def sanity() -> Iterator[Finding]:
    """What is allowed, and still seldom meant."""
    if settings.DEBUG:
        fix = "Unset STECHUHR_DEV on a server."
        yield Finding("warn", "development mode", "is on: errors show internals", fix)
    if "*" in settings.ALLOWED_HOSTS:
        fix = "Name the hosts: pages link to whatever name they were asked for by."
        yield Finding("warn", "ALLOWED_HOSTS", "lets in any name", fix)
    connections = settings.DB_LIMITS["pools"] * settings.DB_LIMITS["pool_size"]
    if 2 * connections < settings.WEB_THREADS:
        fix = f"Set WEB_THREADS={2 * connections}: further threads wait, and slow the others down."
        text = f"{settings.WEB_THREADS} threads share {connections} connections"
        yield Finding("warn", "threads", text, fix)


PROBES: Final[tuple[Callable[[], Iterator[Finding]], ...]] = (
    system_checks,
    connections,
    database,
    redis,
    mail,
    static_files,
    sanity,
)
