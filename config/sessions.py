"""The session engine: rows in the database, read through the cache.

Django's `cached_db` deletes and overwrites cached copies, and what it cannot reach stays: whoever
logged out while Redis was away would be logged in again when it is back. Here a copy falls like
any other entry (docs/caches.md), and a shortage of the database is not hidden.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from config.cache import Cache, changed

KEY: Final = re.compile(r"[0-9a-z]{8,40}")


@dataclass(frozen=True, slots=True)
class Stored:
    """A session's row; `data` is signed."""

    data: str
    expires_at: datetime


class NoSuchSession(LookupError):
    """It was ended, has expired, or never was."""


def load_session(key: str) -> Stored:
    """Return the row of a session; raise NoSuchSession."""
    found = SessionStore.get_model_class().objects.filter(
        session_key=key, expire_date__gt=timezone.now()
    )
    row = found.values_list("session_data", "expire_date").first()
    if row is None:
        raise NoSuchSession
    return Stored(*row)


def session_fact(key: str) -> str:
    """Return the fact that changes with a session; the key itself is a secret."""
    return f"session:{hashlib.sha256(key.encode()).hexdigest()}"


class SessionCache(Cache[str, Stored]):
    """Entries are named by a hash too."""

    def name_of(self, key: str) -> str:
        """Return the name of a session's entry."""
        return super().name_of(hashlib.sha256(key.encode()).hexdigest())


sessions = SessionCache(
    "sessions",
    load=load_session,
    facts=lambda key: [session_fact(key)],
    ttl=300.0,
    permission=True,
    is_shown=False,
)


class SessionStore(db.SessionStore):
    """Django's database sessions, but for where they are read and how changes are told."""

    def load(self) -> dict[str, Any]:
        """Return the session's data; empty if there is no such session (any more)."""
        try:
            if not KEY.fullmatch(key := self.session_key or ""):
                raise NoSuchSession
            stored = sessions.get(key)
            if stored.expires_at <= timezone.now():
                raise NoSuchSession
        except NoSuchSession:
            self._session_key = None
            return {}
        data: dict[str, Any] = self.decode(stored.data)
        return data

    def save(self, must_create: bool = False) -> None:
        """Save; raises UpdateError only if the session is gone.

        Django takes any failure to save for a session that was deleted. That would answer 400
        ("the user may have logged out") because the database was short.
        """
        try:
            with transaction.atomic():
                super().save(must_create)
                changed(session_fact(self.session_key or ""))
        except UpdateError as error:
            if isinstance(error.__context__, OperationalError | InterfaceError):
                raise error.__context__ from None
            raise

    def delete(self, session_key: str | None = None) -> None:
        """Delete a session, by default this one."""
        key = session_key or self.session_key
        if key is not None:
            with transaction.atomic():
                super().delete(key)
                changed(session_fact(key))
