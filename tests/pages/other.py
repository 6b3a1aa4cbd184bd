"""Another process of the application, and what both are asked: does a cache still tell the truth?

Run as a program, `python -m tests.pages.other DATABASE`, it answers a JSON line for each it reads.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Any

from django.core.exceptions import ObjectDoesNotExist

Key = tuple[str, Any]  # a cache's name and what it is asked


def truth_of(keys: Iterable[Key]) -> list[str]:
    """Return what the rows say about each key."""
    return [told(name, key, by_rows=True) for name, key in keys]


def lies(keys: Iterable[Key], truth: Iterable[str]) -> list[str]:
    """Return where the caches say something else."""
    pairs = [
        (name, key, told(name, key), true) for (name, key), true in zip(keys, truth, strict=True)
    ]
    return [
        f"{name} {key}: {cached} instead of {true}"
        for name, key, cached, true in pairs
        if cached != true
    ]


def told(name: str, key: Any, *, by_rows: bool = False) -> str:
    """Return what a cache or (`by_rows`) the database says, comparable; errors by name."""
    from config import sessions
    from config.cache import reads

    assert sessions.sessions  # the engine is imported by name
    cache = reads._caches[name]
    try:
        value = cache._load(key) if by_rows else cache.get(key)
    except (ObjectDoesNotExist, LookupError) as error:
        return type(error).__name__
    return repr(ordered(cache._codec.dump(value)))


def ordered(value: Any) -> Any:
    """Return a plain value with an order where it has none."""
    return sorted(map(ordered, value), key=repr) if isinstance(value, list) else value


def ask(path: str, session: str, token: str) -> Any:
    """Return the status and the answer of a GET."""
    from django.test import Client

    client = Client(headers={"Authorization": f"Bearer {token}"} if token else None)
    if session:
        client.cookies["sessionid"] = session
    response = client.get(path)
    return [response.status_code, response.content.decode()]


class Other:
    """The other process; as a context it ends with the block."""

    def __init__(self, database: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pages.other", database],
            env={**os.environ, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def lies(self, keys: Iterable[Key], truth: Iterable[str]) -> list[str]:
        """Return where the caches there say something else."""
        answer: list[str] = self._ask("lies", [*keys], [*truth])
        return answer

    def get(self, path: str, *, session: str = "", token: str = "") -> tuple[int, Any]:
        """Send a GET there, return its status and JSON."""
        status, content = self._ask("ask", path, session, token)
        return status, json.loads(content)

    def _ask(self, *question: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the other process has died"
        return json.loads(line)

    def __enter__(self) -> "Other":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        self._process.wait(10)
        self._process.stdout.close()


def main(database: str) -> None:
    """Answer until the input ends."""
    import django
    from django.conf import settings

    settings.DATABASES["default"]["NAME"] = database
    settings.ALLOWED_HOSTS = ["testserver"]
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django.setup()
    from django.urls import get_resolver

    # Loads all caches, as serving does.
    assert get_resolver().url_patterns
    for line in sys.stdin:
        what, *arguments = json.loads(line)
        if what == "lies":
            keys = [(name, hashable(key)) for name, key in arguments[0]]
            answer: Any = lies(keys, arguments[1])
        else:
            answer = ask(*arguments)
        print(json.dumps(answer), flush=True)


def hashable(key: Any) -> Any:
    """Return a key as it was before it was JSON."""
    return tuple(map(hashable, key)) if isinstance(key, list) else key


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
    main(*sys.argv[1:])
