"""Which services there are, as the code says."""

import inspect
import pkgutil
from collections.abc import Callable, Iterator
from importlib import import_module
from types import CellType, ModuleType
from typing import Any, Final

from config.db import retry

APPS: Final = ("accounts", "organizations", "filterlists", "worktime")
WRITE: Final = retry.write(lambda: None).__code__


def services() -> dict[str, CellType]:
    """Return all functions under `@write` in the apps' services, by name: where each is kept."""
    found = {}
    for module in modules(of_services=True):
        for name, function in functions(module).items():
            if function.__code__ is WRITE:
                cells = zip(WRITE.co_freevars, function.__closure__ or (), strict=True)
                found[name] = dict(cells)["function"]
    return found


def used_from_outside() -> set[str]:
    """Return what the apps' other modules import of services; of whole modules, all public."""
    found = set[str]()
    for module in modules(of_services=False):
        found |= functions(module).keys()
        for value in vars(module).values():
            if inspect.ismodule(value):
                found |= {
                    name
                    for name in functions(value)
                    if name.startswith(f"{value.__name__}.") and "._" not in name
                }
    return found


def functions(module: ModuleType) -> dict[str, Callable[..., Any]]:
    """Return the functions of services that a module has, by where each is defined."""
    inner = {
        function: inspect.unwrap(function)
        for function in vars(module).values()
        if inspect.isfunction(function)
    }
    return {
        f"{original.__module__}.{original.__name__}": function
        for function, original in inner.items()
        if ".services" in original.__module__
    }


def modules(*, of_services: bool) -> Iterator[ModuleType]:
    """Import and yield the modules of the apps: those of services, or all others."""
    for app in APPS:
        package = import_module(app)
        for each in pkgutil.walk_packages(package.__path__, f"{app}."):
            if ".migrations" not in each.name and (".services" in each.name) is of_services:
                yield import_module(each.name)
