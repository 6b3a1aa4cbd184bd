"""A cached value with what its truth depends on, and what Redis says about it."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Final

from redis.exceptions import RedisError

from config.cache import facts

UNKNOWN: Final = -1


@dataclass(frozen=True, slots=True)
class Entry:
    """A value as JSON holds it; all times are seconds since the epoch.

    `as_of` is when its load began, `generations` are those of its facts before that. `bumps` is
    the number of this process's writes before that: it stands in while Redis is away.
    """

    value: Any
    as_of: float
    fresh_until: float
    generations: dict[str, str]
    bumps: int = UNKNOWN

    @classmethod
    def read(cls, text: str | None) -> "Entry | None":
        """Return the entry of a stored text; None for what this code cannot have stored."""
        if text is None:
            return None
        try:
            value, as_of, fresh_until, generations = json.loads(text)
            return cls(value, as_of, fresh_until, dict(generations))
        except (TypeError, ValueError):
            return None

    def text(self) -> str:
        """Return what is stored."""
        plain = [self.value, self.as_of, self.fresh_until, self.generations]
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    def holds(self, generations: Mapping[str, str]) -> bool:
        """Return whether all its facts are as they were before its load."""
        return bool(self.generations) and self.generations.items() <= generations.items()

    def holds_now(self) -> bool:
        """Return whether no write that was acknowledged before this call is missing from it."""
        if self.generations:
            try:
                return self.holds(facts.read([], self.generations)[1])
            except RedisError:
                pass
        return self.bumps == facts.bumps()

    @property
    def is_storable(self) -> bool:
        """Whether others can tell when it has fallen; not so while one of its facts is marked."""
        return bool(self.generations) and not any(map(facts.is_marked, self.generations.values()))


@dataclass(frozen=True, slots=True)
class Look:
    """What Redis said at one moment; `generations` are None where it was away."""

    entry: Entry | None
    generations: dict[str, str] | None

    @property
    def held(self) -> Entry | None:
        """The entry, if it is true; it may be aged."""
        entry, generations = self.entry, self.generations
        return entry if entry and generations is not None and entry.holds(generations) else None

    @property
    def fresh(self) -> Entry | None:
        """The entry, if it is true and not aged."""
        held = self.held
        return held if held and time() < held.fresh_until else None


def look(wanted: Sequence[tuple[str, Iterable[str]]]) -> list[Look]:
    """Fetch entries by name with the facts that each probably depends on.

    One round trip; a second one if entries turn out to depend on further facts.
    """
    names = [name for name, _ in wanted]
    known = {facts.CLOCK}.union(*(probably for _, probably in wanted))
    try:
        texts, generations = facts.read(names, known)
        entries = [Entry.read(text) for text in texts]
        needed = {fact for entry in entries if entry for fact in entry.generations}
        if unknown := needed - known:
            generations |= facts.read([], unknown)[1]
    except RedisError:
        return [Look(None, None) for _ in names]
    return [Look(entry, generations) for entry in entries]
