"""`@write`: WRITE intent, one transaction, and the only retry of the system."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

from django.db import transaction

from config.db.intent import Intent, use

P = ParamSpec("P")
T = TypeVar("T")


def write(function: Callable[P, T]) -> Callable[P, T]:
    """Make `function` one transaction with WRITE intent; inside another `@write` it joins it."""

    @wraps(function)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> T:
        with use(Intent.WRITE), transaction.atomic():
            return function(*args, **kwargs)

    return wrapper
