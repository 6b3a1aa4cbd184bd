"""Fills in, for dev mode, what settings ask of the environment; called before settings load."""

import contextlib
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from config.dev.keeper import BASE_DIR, Share
from config.dev.servers import ServerError

SERVERS: Final = ("DATABASE_URL", "REDIS_URL")
# What Django answers without a database; it still loads settings.
WITHOUT_SERVERS: Final = {"help", "version", "--version", "makemessages", "compilemessages"}
NOWHERE: Final = {"DATABASE_URL": "postgres://127.0.0.1:1/none", "REDIS_URL": "redis://127.0.0.1:1"}

share: Share | None = None
"""This process's share in the embedded servers, if it uses them."""


def prepare(argv: Sequence[str]) -> None:
    """Set what is missing in `os.environ`, for one run of `manage.py`, and start the servers that
    no address is given for; exits with a message when that fails."""
    global share
    folder = var_dir()
    try:
        os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
        if not os.environ.get("SECRET_KEY"):
            os.environ["SECRET_KEY"] = _secret_key(folder / "secret_key")
        missing = [name for name in SERVERS if not os.environ.get(name)]
        urls = NOWHERE
        if missing and not _runs_without_servers(argv):
            share = Share(folder / "dev")
            urls = share.urls
        os.environ.update({name: urls[name] for name in missing})
    except (ServerError, OSError) as error:
        sys.exit(f"{error}")


def var_dir() -> Path:
    """Return the folder of what this checkout writes; settings choose the same."""
    folder = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _runs_without_servers(argv: Sequence[str]) -> bool:
    return len(argv) < 2 or argv[1] in WITHOUT_SERVERS or bool({"-h", "--help"} & {*argv})


def _secret_key(path: Path) -> str:
    new = path.with_name(f"{path.name}.{os.getpid()}")
    if not path.exists():
        new.touch(mode=0o600)
        new.write_text(secrets.token_urlsafe(50))
        # Unlike a rename, a link leaves another process's key alone.
        with contextlib.suppress(FileExistsError):
            path.hardlink_to(new)
        new.unlink()
    return path.read_text()
