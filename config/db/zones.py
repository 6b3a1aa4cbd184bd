"""Time zones that Python and the database both know."""

import zoneinfo
from typing import Final

from django.db import connection

# The machine's own choice, and a placeholder: no place.
NO_PLACES: Final = {"localtime", "Factory"}
_shared: frozenset[str] | None = None


def shared_time_zones() -> frozenset[str]:
    """Return the names; asks the database once a process (it reads hundreds of files for this)."""
    global _shared
    if _shared is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT name FROM pg_timezone_names")
            names = {name for (name,) in cursor.fetchall()}
        _shared = frozenset(names & zoneinfo.available_timezones() - NO_PLACES)
    return _shared
