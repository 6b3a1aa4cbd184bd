"""`./run`: what it says when something is missing, and when it installs. No network: a stand-in
for python3 makes a stand-in for the virtual environment."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOLS = ("cat", "cksum", "dirname", "mkdir", "readlink", "rm", "sh", "sleep", "touch")

# Answers the questions of `run` from the variables OLD and BARE; what it installs tells how it was
# called, and pip fails while the file "offline" is there.
PYTHON = r"""#!/bin/sh
case "$*" in
-V) echo "Python 3.9.2" ;;
*version_info*) [ -z "${OLD-}" ] ;;
*ensurepip*) [ -z "${BARE-}" ] ;;
*flock*) exec "REAL" "$@" ;;
"-m venv .venv")
    mkdir -p .venv/bin
    echo made >>made
    cat >.venv/bin/python <<'END'
#!/bin/sh
case "$*" in
*pip*) sleep 0.1; ! [ -e offline ] ;;
*) echo "python $* dev=$STECHUHR_DEV" ;;
esac
END
    "REAL" -c 'import os; os.chmod(".venv/bin/python", 0o755)'
    ;;
esac
"""

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "a check out"
    (folder / "requirements").mkdir(parents=True)
    (folder / "requirements" / "dev.txt").write_text("django==5.2\n")
    shutil.copy(ROOT / "run", folder)
    return folder


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with nothing but ordinary tools and the stand-in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (folder / tool).symlink_to(found)
    stand_in = folder / "python3"
    stand_in.write_text(PYTHON.replace("REAL", sys.executable))
    stand_in.chmod(0o755)
    return folder


@pytest.fixture
def run(checkout: Path, path: Path, tmp_path: Path) -> Run:
    """Run `./run` from another folder, with only PATH and HOME in the environment."""

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [checkout / "run", *arguments],
            cwd=tmp_path,
            env={"PATH": str(path), "HOME": str(tmp_path), **environment},
            capture_output=True,
            text=True,
            timeout=30,
        )

    return run


def test_it_installs_once_and_passes_its_arguments(run: Run) -> None:
    first = run("migrate", "--plan", "two words")
    assert first.stdout == "python manage.py migrate --plan two words dev=1\n"
    assert first.stderr == "Installing the locked requirements into .venv, once ...\n"
    second = run()
    assert (second.stdout, second.stderr) == ("python manage.py demo dev=1\n", "")


def test_test_is_pytest(run: Run) -> None:
    assert run("test", "-k", "clock").stdout == "python -m pytest --numprocesses 2 -k clock dev=1\n"


def test_changed_requirements_are_installed_afresh(run: Run, checkout: Path) -> None:
    run()
    (checkout / ".venv" / "left over").touch()
    (checkout / "requirements" / "dev.txt").write_text("django==5.3\n")
    assert "Installing" in run().stderr
    assert not (checkout / ".venv" / "left over").exists()


def test_a_half_made_environment_is_made_again(run: Run, checkout: Path) -> None:
    (checkout / "offline").touch()
    failed = run()
    assert failed.returncode == 1
    assert failed.stderr.endswith("run: pip could not install requirements/dev.txt.\n")
    assert failed.stdout == ""
    (checkout / "offline").unlink()
    assert run().stdout == "python manage.py demo dev=1\n"


def test_of_two_first_runs_one_installs(run: Run, checkout: Path, path: Path) -> None:
    environment = {"PATH": str(path), "HOME": os.devnull}
    command = [str(checkout / "run"), "check"]
    both = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) for _ in range(2)]
    for process in both:
        output, _ = process.communicate(timeout=30)
        assert output == b"python manage.py check dev=1\n"
    assert (checkout / "made").read_text() == "made\n"


def test_help_needs_nothing(run: Run, path: Path) -> None:
    (path / "python3").unlink()
    for word in ("help", "-h", "--help"):
        answer = run(word)
        assert answer.returncode == 0
        assert "Usage: ./run" in answer.stdout


def test_python_is_missing(run: Run, path: Path) -> None:
    (path / "python3").unlink()
    answer = run()
    assert answer.returncode == 1
    assert answer.stderr == "run: python3 is missing: install Python 3.11 or later.\n"


def test_python_is_too_old(run: Run) -> None:
    answer = run(OLD="1")
    assert answer.returncode == 1
    assert answer.stderr == "run: Python 3.11 or later is needed; python3 is Python 3.9.2.\n"


def test_venv_is_missing(run: Run) -> None:
    answer = run(BARE="1")
    assert answer.returncode == 1
    assert answer.stderr == (
        "run: Python's venv module is missing: on Debian and Ubuntu, apt install python3-venv.\n"
    )
