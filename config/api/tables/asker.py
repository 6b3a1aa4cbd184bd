"""Who asks: what `@me` and `@today` stand for, and which columns are theirs to use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Asker:
    """The caller of a list, at the moment `now`, in their own zone.

    `organization_id` is 0 for who acts for none, which is nobody's. `branch_id` is a function
    because few filters ask for it and a look-up costs something. `writes_all` holds the
    entities whose every row the asker may change.
    """

    user_id: int
    organization_id: int
    role_id: int | None
    branch_id: Callable[[], int | None]
    writes_all: frozenset[str]
    zone: ZoneInfo
    now: datetime

    @property
    def today(self) -> date:
        """The day that it is where the asker is."""
        return self.now.astimezone(self.zone).date()
