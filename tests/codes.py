"""Pytest plugin: which error codes the tests' requests were answered with, beside docs/api.md.

An answer with a code that is not in its table fails the run; where all tests ran, so does a code of
the table that no request was answered with.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

TABLE: Final = Path(__file__).resolve().parents[1] / "docs" / "api.md"
ROW: Final = re.compile(r"^\| (\d{3}) \| ((?:`\w+`(?:, )?)+) \|", re.M)

# Status and code, such as "404 not_found".
ANSWERED: Final = pytest.StashKey[set[str]]()


def documented() -> set[str]:
    """Return status and code of all that docs/api.md lists."""
    return {
        f"{status} {code}"
        for status, codes in ROW.findall(TABLE.read_text())
        for code in re.findall(r"\w+", codes)
    }


def pytest_configure(config: pytest.Config) -> None:
    """Begin with nothing."""
    config.stash[ANSWERED] = set()


@pytest.fixture(scope="session", autouse=True)
def _answers_are_noted(pytestconfig: pytest.Config) -> Iterator[None]:
    # Not before: it needs settings.
    from django.test import Client

    from config.api.exceptions import CONTENT_TYPE

    ask = Client.request

    def noting(self: Client, **request: Any) -> Any:
        response = ask(self, **request)
        # The answer to a HEAD is empty.
        if response.headers.get("Content-Type") == CONTENT_TYPE and response.content:
            code = json.loads(response.content)["code"]
            pytestconfig.stash[ANSWERED].add(f"{response.status_code} {code}")
        return response

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Client, "request", noting)
        yield


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what one of pytest-xdist's workers has seen."""
    answered: set[str] = node.config.stash[ANSWERED]
    answered.update(getattr(node, "workeroutput", {}).get("codes", ()))


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Hand over what was seen; where tests end, compare."""
    config = session.config
    if hasattr(config, "workeroutput"):
        answered = config.stash[ANSWERED]
        config.workeroutput["codes"] = list(answered)
    elif exitstatus == pytest.ExitCode.OK and wrong(config):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: int, config: pytest.Config
) -> None:
    """Say what is wrong."""
    for text in wrong(config):
        terminalreporter.write_line(text, red=True)


def wrong(config: pytest.Config) -> list[str]:
    """Return what the table lacks, and after all tests what it promises in vain."""
    answered, told = config.stash[ANSWERED], documented()
    found = [f"{each}: answered, and not in docs/api.md" for each in sorted(answered - told)]
    if ran_all(config):
        found += [
            f"{each}: in docs/api.md, and no test meets it" for each in sorted(told - answered)
        ]
    return found


def ran_all(config: pytest.Config) -> bool:
    """Return whether nothing was left out by the command line."""
    option = config.option
    return (
        config.args_source is pytest.Config.ArgsSource.TESTPATHS
        and option.markexpr == "not drill"
        and not (option.keyword or option.collectonly or option.lf or option.deselect)
    )
