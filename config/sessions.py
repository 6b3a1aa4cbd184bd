"""The session engine: Django's `cached_db`, which must not hide a shortage of the database."""

from django.contrib.sessions.backends import cached_db
from django.contrib.sessions.backends.base import UpdateError
from django.db import InterfaceError, OperationalError


class SessionStore(cached_db.SessionStore):
    """Django's, but for one error: it takes any failure to save for a session that was deleted.

    That would answer 400 ("the user may have logged out") because the database was short.
    """

    def save(self, must_create: bool = False) -> None:
        """Save; raises UpdateError only if the session is gone."""
        try:
            super().save(must_create)
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError | InterfaceError):
                raise error.__context__ from None
            raise
