"""The table of error codes in docs/api.md has all that the code can answer, and nothing else.

That each of them is answered to some test's request is seen at the end of a run, in `tests.codes`.
"""

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

from django.conf import settings
from rest_framework import exceptions

from config.api.exceptions import SHORTAGES
from config.db.errors import DatabaseShortage
from config.errors import DomainError
from config.middleware import FAULTS
from tests.codes import documented

APPS = ("config", "accounts", "organizations", "filterlists", "worktime")
# Bases, what DRF would say where there is something of our own, and what only a command says.
NEVER = {"error", "conflict", "authentication_failed", "import_refused"}


def subclasses(base: type[Any]) -> Iterator[type[Any]]:
    for each in base.__subclasses__():
        yield each
        yield from subclasses(each)


def given_to_problems(path: Path) -> Iterator[tuple[int, str]]:
    """Yield status and code of each call that names them: of `problem…`, of DRF's own 401."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "AuthenticationFailed":
            yield 401, str(getattr(node.args[1], "value", None))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "").startswith("problem"):
            status, code = node.args[1:3]
            if isinstance(code, ast.Constant):
                named = status.value if isinstance(status, ast.Constant) else 500
                yield int(str(named)), str(code.value)


def known() -> set[str]:
    """Return status and code of all that the code can answer."""
    for app in APPS:
        for module in walk_packages([str(settings.BASE_DIR / app)], f"{app}."):
            if not re.search(r"migrations|management|config\.(dev|serving|wsgi)", module.name):
                import_module(module.name)
    found = {(int(each.status), str(each.code)) for each in subclasses(DomainError)}
    found |= {(503, str(each.code)) for each in subclasses(DatabaseShortage)}
    found |= {(503, code) for code in SHORTAGES.values()}
    found |= {(status, code) for status, code, _ in FAULTS.values()}
    found |= {
        (int(each.status_code), str(each.default_code))
        for each in subclasses(exceptions.APIException)
        if each.__module__.split(".")[0] in (*APPS, "rest_framework")
    }
    for app in APPS:
        for path in (settings.BASE_DIR / app).rglob("*.py"):
            found |= set(given_to_problems(path))
    return {f"{status} {code}" for status, code in found if code not in NEVER}


def test_the_table_is_complete_and_true() -> None:
    assert documented() == known()
