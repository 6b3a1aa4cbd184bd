"""The database wrapper Django loads."""

from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper


class DatabaseWrapper(PostgresWrapper):
    """Django's PostgreSQL backend."""
