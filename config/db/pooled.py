"""Which pools a wrapper takes its connections from, and how those are made."""

from typing import Any, cast

from django.core.exceptions import ImproperlyConfigured
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.backends.postgresql.psycopg_any import (  # type: ignore[import-untyped]
    IsolationLevel,
    get_adapters_template,
    register_tzloader,
)
from django.db.backends.postgresql.schema import DatabaseSchemaEditor
from django.utils.functional import cached_property
from psycopg import sql

from config.db.connection import IDENTIFY, Connection
from config.db.intent import Intent
from config.db.limits import Limits
from config.db.pool import PoolGroup, close_group, find_group

# Times at which a network or server that is half dead is given up, and the name of the client.
DEFAULTS = {
    "application_name": "config.db",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 5000,
}


class SchemaEditor(DatabaseSchemaEditor):
    """Django's, which quotes values with a connection at hand."""

    def quote_value(self, value: Any) -> Any:
        """Return a value as an SQL literal; needs no connection."""
        return sql.quote(value, cast(PooledWrapper, self.connection).adapters)


class PooledWrapper(PostgresWrapper):
    """Django's wrapper with pools that all threads' wrappers of an alias share."""

    SchemaEditorClass = SchemaEditor
    connection: Connection | None
    _configure_timezone: Any  # Django's own, which the stubs leave out

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._group: PoolGroup | None = None
        self._group_is_for: Any = None
        self._begin = {Intent.READ: b"BEGIN", Intent.WRITE: b"BEGIN"}

    @property
    def group(self) -> PoolGroup:
        """The process's pools for this alias and these parameters."""
        group, name = self._group, self.settings_dict["NAME"]
        if group is None or group.is_closed or self._group_is_for != name:
            group = self._group = self._find_group()
            self._group_is_for = name
        return group

    @property
    def pool(self) -> PoolGroup:
        """Django's name for it."""
        return self.group

    @cached_property
    def limits(self) -> Limits:
        """OPTIONS["pool"], validated."""
        if self.alias == NO_DB_ALIAS:
            return Limits(
                pools=1,
                pool_size=1,
                write_reserve=0,
                read_timeout=2.0,
                read_statement_timeout=0.0,
                lock_timeout=0.0,
            )
        return Limits.read(self.settings_dict["OPTIONS"].get("pool"))

    @property
    def adapters(self) -> Any:
        """How Python values become SQL literals."""
        return get_adapters_template(True, self.timezone)

    def close_pool(self) -> None:
        """Close all connections of this alias in this process, and forget its pools."""
        close_group(self.group)
        self._group = None

    def ensure_timezone(self) -> bool:
        """Have all connections made anew: they carry the time zone."""
        if self._group is not None:
            self.close_pool()
        if self.connection is None:
            return False
        register_tzloader(self.timezone, self.connection)
        return bool(self._configure_timezone(self.connection))

    def get_connection_params(self) -> dict[str, Any]:
        """Return psycopg's parameters with the guards that the server is to keep."""
        params: dict[str, Any] = super().get_connection_params()
        limits = self.limits
        milliseconds = {
            "statement_timeout": limits.read_statement_timeout,
            "lock_timeout": limits.lock_timeout,
            "idle_in_transaction_session_timeout": limits.idle_in_transaction_timeout,
            "client_connection_check_interval": 1.0,
        }
        guards = " ".join(f"-c {name}={int(value * 1000)}" for name, value in milliseconds.items())
        # A query is one process of the server: the limits count connections.
        guards += " -c max_parallel_workers_per_gather=0"
        params["options"] = f"{guards} {params.get('options', '')}".strip()
        return DEFAULTS | params

    def _find_group(self) -> PoolGroup:
        self.check_settings()
        if self.settings_dict["CONN_MAX_AGE"] != 0:
            raise ImproperlyConfigured("CONN_MAX_AGE must be 0: the pools keep connections.")
        options = self.settings_dict["OPTIONS"]
        begin = "BEGIN"
        self.isolation_level = IsolationLevel.READ_COMMITTED
        if "isolation_level" in options:
            try:
                self.isolation_level = IsolationLevel(options["isolation_level"])
            except ValueError as error:
                raise ImproperlyConfigured(
                    f"Invalid transaction isolation level {options['isolation_level']} "
                    "specified. Use one of the psycopg.IsolationLevel values."
                ) from error
            begin += f" ISOLATION LEVEL {self.isolation_level.name.replace('_', ' ')}"
        limits = self.limits
        write = [begin]
        if limits.write_statement_timeout != limits.read_statement_timeout:
            timeout = int(limits.write_statement_timeout * 1000)
            write.append(f"SET LOCAL statement_timeout = {timeout}")
        write.append(IDENTIFY.decode())
        self._begin = {Intent.READ: begin.encode(), Intent.WRITE: "; ".join(write).encode()}
        params = self.get_connection_params()
        known = sorted((name, _hashable(value)) for name, value in params.items())
        key = (self.alias, tuple(known), self.timezone_name, options.get("assume_role"), limits)
        return find_group(key, lambda: PoolGroup(self.alias, params, limits))


def _hashable(value: Any) -> Any:
    return value if isinstance(value, str | int) else f"{value!r} {id(value)}"
