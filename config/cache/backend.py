"""Django's cache: JSON in Redis, and while that is away what this process remembers.

Through here go allauth's limits of log-in and its used one-time codes, not the caches of
docs/caches.md. Without anything to remember them in, nobody could log in, or everybody try forever.
What is no JSON (a pickle, say) is not there.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache import caches
from django_redis.cache import RedisCache
from redis.exceptions import RedisError


class Cache(RedisCache):  # type: ignore[misc]
    """django_redis's, but for what it does without Redis."""

    def add(self, *args: Any, **kwargs: Any) -> Any:
        """Store a value unless there is one; return whether it was stored."""
        return self._or_here("add", super().add, *args, **kwargs)

    def get(self, key: Any, default: Any = None, *args: Any, **kwargs: Any) -> Any:
        """Return a value, or the default; that too for a value of another type than it has."""
        try:
            value = self._or_here("get", super().get, key, None, *args, **kwargs)
        except ValueError:
            return default
        if value is None:
            # What Redis refused to store, as a replica does, or one whose memory is full.
            value = caches["process"].get(key, default)
        return value if default is None or isinstance(value, type(default)) else default

    def set(self, *args: Any, **kwargs: Any) -> Any:
        """Store a value."""
        return self._or_here("set", super().set, *args, **kwargs)

    def delete(self, key: Any, *args: Any, **kwargs: Any) -> Any:
        """Delete a value; return whether there was one."""
        was_here = caches["process"].delete(key)
        return self._or_here("delete", super().delete, key, *args, **kwargs) or was_here

    def _or_here(self, name: str, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return method(*args, **kwargs)
        except (RedisError, OSError):
            return getattr(caches["process"], name)(*args, **kwargs)
