"""Production is the default: it starts with everything it needs, or says what is missing."""

import os
import subprocess
import sys

import pytest
from django.conf import settings

COMPLETE = {
    "SECRET_KEY": "kX9-long-and-random-enough-to-satisfy-the-deployment-check-0123456789-qwertz",
    "ALLOWED_HOSTS": "time.example.org",
    "DATABASE_URL": "postgres://time:secret@127.0.0.1:9/time",
    "REDIS_URL": "redis://127.0.0.1:9/0",
}


def manage(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_deployment_check_is_silent() -> None:
    result = manage("check", "--deploy", "--fail-level", "INFO", **COMPLETE)
    assert result.returncode == 0, result.stderr
    assert "no issues (0 silenced)" in result.stdout
    assert result.stderr == ""


@pytest.mark.parametrize("name", COMPLETE)
def test_each_missing_name_is_told(name: str) -> None:
    result = manage("check", **{key: value for key, value in COMPLETE.items() if key != name})
    assert result.returncode != 0
    told = result.stderr.strip().splitlines()[-1]
    assert name in told
    assert not [other for other in COMPLETE if other != name and other in told]


@pytest.mark.parametrize("hosts", ["*", ".example.org", ".example.org,time.example.org"])
def test_a_pattern_is_nowhere_for_links_to_lead(hosts: str) -> None:
    given = {**COMPLETE, "ALLOWED_HOSTS": hosts}
    refused = manage("serve", "--port=0", **given)
    assert refused.returncode == 1
    assert [line for line in refused.stderr.splitlines() if "config.E006" in line] == [
        f"fail settings: config.E006: Links in mails would lead to 'https://{hosts.split(',')[0]}',"
        " which is no address."
    ]
    assert manage("check", **given, FRONTEND_URL="https://time.example.org").returncode == 0


def test_everything_missing_is_told_at_once() -> None:
    told = manage("check").stderr.strip().splitlines()[-1]
    assert all(name in told for name in COMPLETE)


def test_a_command_without_its_database_says_so() -> None:
    result = manage("autostop", **COMPLETE)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    said = result.stderr.splitlines()[-1]
    assert said.startswith("database_unavailable: database 'default' cannot be reached")
    assert "secret" not in result.stderr
