"""The way to Redis: one round trip per function, and a breaker for all who go there.

Knows names and texts, nothing of what is cached. All functions raise RedisError when Redis is
away or refuses.
"""

import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from time import monotonic, sleep
from typing import Any, Final

from django.core.cache import DEFAULT_CACHE_ALIAS, caches
from django_redis import get_redis_connection
from redis import ConnectionPool, Redis
from redis.exceptions import ConnectionError, RedisError

logger = logging.getLogger("config.cache")

# Seconds between attempts to reach a Redis that is away; and from the first answer until it is
# trusted. In that time every process that was cut off gets through: an attempt takes 0.25 s, if
# Redis has one address.
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


_listeners: list[Callable[[], None]] = []
_mine = threading.local()  # `tells`: whether this thread tells Redis of a write just now


class Pool(ConnectionPool):
    """Connections to Redis; while it is away, all who want one fail at once.

    Every user of Redis goes through here (sessions and throttles too), so that none of them waits
    for a connection that will not come. One thread, the envoy, keeps trying. When Redis answers,
    the envoy has it told what it missed, and writers are let through again; readers, once every
    other process can have done the same.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.failures = 0
        self._breaker = threading.Lock()
        self._away_in = 0  # the process that found it away: in a fork nobody is trying
        self._envoy: threading.Thread | None = None
        self._answers_since = 0.0  # when it answered the envoy first; 0.0 while it does not
        super().__init__(*args, **kwargs)

    @property
    def is_away(self) -> bool:
        """Whether this process does without Redis now."""
        return self._away_in == os.getpid()

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Return a connection that was just usable; raises ConnectionError or TimeoutError."""
        if self.is_away and not (self._is_envoy() or (self._answers_since and _tells())):
            raise ConnectionError("Redis is away")
        return super().get_connection()

    def release(self, connection: Any) -> None:
        """Take a connection back; one that failed, at connecting or at work, is not connected."""
        super().release(connection)
        if not (connection.is_connected or self._is_envoy()):
            self.failures += 1
            self.leave()

    def leave(self) -> None:
        """Do without Redis until it has answered for a while and was told everything."""
        with self._breaker:
            self._answers_since = 0.0
            if self.is_away:
                return
            envoy = threading.Thread(target=self._return, name="redis-return", daemon=True)
            self._away_in, self._envoy = os.getpid(), envoy
            try:
                envoy.start()
            except RuntimeError:  # no thread to be had: each command finds out for itself
                self._away_in, self._envoy = 0, None
                return
        logger.warning("Redis is away")

    def _is_envoy(self) -> bool:
        return self._envoy is threading.current_thread()

    def _return(self) -> None:
        with suppress(Exception):  # those that rest may be dead without knowing
            self.disconnect(inuse_connections=False)
        while not self._may_return():
            sleep(RETRY_INTERVAL)
        logger.warning("Redis is back")

    def _may_return(self) -> bool:
        """Try; return whether it has answered for SETTLE_TIMEOUT, with nobody failing since."""
        try:
            Redis(connection_pool=self).ping()
            self._answers_since = self._answers_since or monotonic()
            for listener in _listeners:
                listener()
        except RedisError as error:
            logger.debug("Redis is still away error=%r", error)
            self._answers_since = 0.0
        except Exception:  # nobody else would ever let the others back
            logger.exception("waiting for Redis")
            self._answers_since = 0.0
        with self._breaker:
            since = self._answers_since
            if may_return := bool(since and monotonic() >= since + SETTLE_TIMEOUT):
                self._envoy, self._away_in, self._answers_since = None, 0, 0.0
        return may_return


def when_back(listener: Callable[[], None]) -> None:
    """Have this called when Redis answers again, until everybody is let back in."""
    _listeners.append(listener)


def leave() -> None:
    """Do without Redis until it has answered for a while and was told everything."""
    _client().connection_pool.leave()


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
    return [_decoded(value) for value in found]


def mark(names: Iterable[str], token: str, writer: str, timeout: float) -> None:
    """Note that `writer` is about to change what the names stand for."""
    with _telling():
        _run(MARK, names, token, writer, _milliseconds(timeout))


def bump(names: Iterable[str], token: str, writer: str) -> None:
    """Give each name a new generation and take the writer's mark away, and only that."""
    with _telling():
        _run(BUMP, names, token, writer, _milliseconds(GENERATION_TIMEOUT))


def store(name: str, text: str, timeout: float) -> None:
    """Store a text for `timeout` seconds."""
    _client().set(*_keys([name]), text, px=_milliseconds(timeout))


def stats() -> dict[str, Any]:
    """Return whether Redis is away, and how many connections failed since the process began."""
    pool = _client().connection_pool
    return {"away": pool.is_away, "failures": pool.failures}


def _client() -> Any:
    return get_redis_connection(DEFAULT_CACHE_ALIAS)


@contextmanager
def _telling() -> Iterator[None]:
    _mine.tells = True
    try:
        yield
    finally:
        _mine.tells = False


def _tells() -> bool:
    return getattr(_mine, "tells", False)


def _run(script: str, names: Iterable[str], *arguments: str | int) -> Any:
    keys = _keys(names)
    return _client().eval(script, len(keys), *keys, *arguments)


def _keys(names: Iterable[str]) -> list[str]:
    make_key = caches[DEFAULT_CACHE_ALIAS].make_key
    return [make_key(name) for name in names]


def _text(value: bytes | None) -> str | None:
    return None if value is None else _decoded(value)


def _decoded(value: bytes) -> str:
    # What somebody else wrote must be no error: it is no entry, and no generation of ours.
    return value.decode(errors="backslashreplace")


def _milliseconds(seconds: float) -> int:
    return int(seconds * 1000)
