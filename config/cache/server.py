"""The way to Redis: one round trip per function, and a breaker for all who go there.

Knows names and texts, nothing of what is cached. All functions raise RedisError when Redis is
away or refuses.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from time import monotonic, sleep
from typing import Any, Final

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django_redis import get_redis_connection
from redis import ConnectionPool, Redis
from redis.exceptions import ConnectionError, RedisError

logger = logging.getLogger("config.cache")

# Seconds between attempts to reach a Redis that is away; and from the first answer until it is
# trusted, in which every process that was cut off gets through: an attempt takes at most 0.25 s.
RETRY_INTERVAL: Final = 0.1
SETTLE_TIMEOUT: Final = 0.5
GENERATION_TIMEOUT: Final = 86_400.0  # a fact that nobody changes gets a new generation daily

# A generation is a random token, while writers are at work followed by "!" and the name of each.
# Every change of the text brings a new token, so that no state ever comes back.
MARK: Final = """
for i, key in ipairs(KEYS) do
    local marks = string.match(redis.call('GET', key) or '', '!.*') or ''
    local left = marks ~= '' and redis.call('PTTL', key) or 0
    redis.call('SET', key, ARGV[1] .. marks .. '!' .. ARGV[2],
        'PX', math.max(left, tonumber(ARGV[3])))
end
"""
BUMP: Final = """
for i, key in ipairs(KEYS) do
    local marks = string.match(redis.call('GET', key) or '', '!.*') or ''
    local others = string.gsub(marks, '!' .. ARGV[2], '')
    if others == '' then
        redis.call('SET', key, ARGV[1], 'PX', ARGV[3])
    else
        redis.call('SET', key, ARGV[1] .. others, 'KEEPTTL')
    end
end
"""
ENSURE: Final = """
local found = {}
for i, key in ipairs(KEYS) do
    redis.call('SET', key, ARGV[1], 'NX', 'PX', ARGV[2])
    found[i] = redis.call('GET', key)
end
return found
"""
# A full Redis may refuse to count and still have what was asked for.
COUNT: Final = """
local sums = {}
for i = 1, tonumber(ARGV[1]) do
    local sum = redis.pcall('INCR', KEYS[i])
    redis.pcall('PEXPIRE', KEYS[i], ARGV[i + 1])
    sums[i] = type(sum) == 'number' and sum
end
if #KEYS == #sums then return {sums, {}} end
return {sums, redis.call('MGET', unpack(KEYS, #sums + 1))}
"""


_missed: list[Callable[[], None]] = []


class Pool(ConnectionPool):
    """Connections to Redis; while it is away, all who want one fail at once.

    Every user of Redis goes through here (sessions and throttles too), so that none of them waits
    for a connection that will not come. One thread keeps trying. When Redis answers, it tells what
    was missed, and lets the others back in once every other process can have done the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.failures = 0
        self._breaker = threading.Lock()
        self._away_in = 0  # the process that found it away: in a fork nobody is trying
        self._envoy = 0
        super().__init__(*args, **kwargs)

    @property
    def is_away(self) -> bool:
        """Whether this process does without Redis now."""
        return self._away_in == os.getpid()

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Return a connection that was just usable; raises ConnectionError or TimeoutError."""
        if self.is_away and not self._is_envoy():
            raise ConnectionError("Redis is away")
        return super().get_connection()

    def release(self, connection: Any) -> None:
        """Take a connection back; one that failed, at connecting or at work, is not connected."""
        if not (connection.is_connected or self._is_envoy()):
            self.leave()
        super().release(connection)

    def leave(self) -> None:
        """Do without Redis until it answers and was told everything."""
        with self._breaker:
            self.failures += 1
            if self.is_away:
                return
            self._away_in = os.getpid()
        logger.warning("Redis is away")
        threading.Thread(target=self._return, name="redis-return", daemon=True).start()

    def _is_envoy(self) -> bool:
        return self._envoy == threading.get_ident()

    def _return(self) -> None:
        self._envoy = threading.get_ident()
        answered = 0.0
        while not answered or monotonic() < answered + SETTLE_TIMEOUT:
            try:
                Redis(connection_pool=self).ping()
                _tell()
                answered = answered or monotonic()
            except RedisError as error:
                logger.debug("Redis is still away error=%r", error)
                answered = 0.0
            except Exception:  # nobody else would ever let the others back
                logger.exception("waiting for Redis")
                answered = 0.0
            sleep(RETRY_INTERVAL)
        self._away_in = self._envoy = 0
        logger.warning("Redis is back")
        # Whoever was refused until right now.
        with suppress(RedisError):
            _tell()


def tell_first(what: Callable[[], None]) -> None:
    """Have this called when Redis is back, before anyone else may go there."""
    _missed.append(what)


def leave() -> None:
    """Do without Redis until it answers and was told everything."""
    _client().connection_pool.leave()


def is_away() -> bool:
    """Return whether this process does without Redis now."""
    return bool(_client().connection_pool.is_away)


def read(names: Sequence[str]) -> list[str | None]:
    """Return the texts stored under the names, None where there is none."""
    return [_text(value) for value in _client().mget(_keys(names))]


def count(
    due: Mapping[str, float], names: Sequence[str] = ()
) -> tuple[dict[str, int], list[str | None]]:
    """Add 1 to each name that is due, which then lasts for as many seconds, and return the sums.

    In the same round trip return the texts of `names`, as `read` does.
    """
    keys, times = [*due, *names], map(_milliseconds, due.values())
    sums, texts = _run(COUNT, keys, len(due), *times)
    counted = zip(due, sums, strict=True)
    return {name: number for name, number in counted if number is not None}, [*map(_text, texts)]


def ensure(names: Sequence[str], token: str) -> list[str]:
    """Give each name that has no generation the `token`; return the generations of all."""
    found = _run(ENSURE, names, token, _milliseconds(GENERATION_TIMEOUT))
    return [value.decode() for value in found]


def mark(names: Iterable[str], token: str, writer: str, timeout: float) -> None:
    """Note that `writer` is about to change what the names stand for."""
    _run(MARK, names, token, writer, _milliseconds(timeout))


def bump(names: Iterable[str], token: str, writer: str) -> None:
    """Give each name a new generation and take the writer's mark away, and only that."""
    _run(BUMP, names, token, writer, _milliseconds(GENERATION_TIMEOUT))


def store(name: str, text: str, timeout: float) -> None:
    """Store a text for `timeout` seconds."""
    _client().set(*_keys([name]), text, px=_milliseconds(timeout))


def stats() -> dict[str, Any]:
    """Return whether Redis is away, and how often it failed since the process began."""
    pool = _client().connection_pool
    return {"away": pool.is_away, "failures": pool.failures}


def _client() -> Any:
    return get_redis_connection(DEFAULT_CACHE_ALIAS)


def _tell() -> None:
    for what in _missed:
        what()


def _run(script: str, names: Iterable[str], *arguments: str | int) -> Any:
    keys = _keys(names)
    return _client().eval(script, len(keys), *keys, *arguments)


def _keys(names: Iterable[str]) -> list[str]:
    make_key = caches[DEFAULT_CACHE_ALIAS].make_key
    return [make_key(name) for name in names]


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
