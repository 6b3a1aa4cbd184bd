"""PgBouncer before a server, where Debian's package (or PATH) has it."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from config.dev import accounts
from config.dev.servers import Postgres, free_port

CONFIG = """
[databases]
stechuhr = host={host} port={port} user=stechuhr
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
max_client_conn = 1000
ignore_startup_parameters = options,extra_float_digits
logfile = {folder}/log
pidfile = {folder}/pid
"""


def program() -> str | None:
    """Return where PgBouncer is installed, None where it is not."""
    return shutil.which("pgbouncer", path="/usr/sbin:/usr/bin:/usr/local/bin")


@contextlib.contextmanager
def bouncing(postgres: Postgres, folder: Path, *, size: int) -> Iterator[str]:
    """Run PgBouncer in transaction mode with `size` connections; yield a DATABASE_URL to it."""
    binary, listen = program(), free_port()
    assert binary is not None, "PgBouncer is not installed"
    folder.mkdir(exist_ok=True)
    where = postgres.params()
    config = folder / "pgbouncer.ini"
    config.write_text(
        CONFIG.format(
            host=where["host"], port=where["port"], listen=listen, size=size, folder=folder
        )
    )
    account = accounts.account_for(folder)
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            accounts.as_child([binary, config], account), stdout=output, stderr=output
        )
        try:
            deadline = time.monotonic() + 10
            while True:
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", listen), 1).close()
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"PgBouncer did not start: see {folder}")
                time.sleep(0.02)
            yield f"postgres://stechuhr@127.0.0.1:{listen}/stechuhr"
        finally:
            process.terminate()
            process.wait(10)
