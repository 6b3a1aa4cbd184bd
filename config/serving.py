"""The app server's main process, `python -m config.serving OPTIONS`: `manage.py serve` becomes it.

A program of its own that loads neither Django nor settings: its workers are forked from it, and
must find neither connections nor threads.
"""

import argparse
import ctypes
import gc
import multiprocessing
import os
import resource
import signal
import sys
from functools import partial
from typing import Any

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.errors import FatalError
from granian.log import LogLevels

PR_SET_PDEATHSIG = 1
# Connections of a worker. Granian's "backpressure" counts those that rest between two requests too,
# and lets nobody in beyond it: its default, 1024 by the number of workers, 100 browsers fill.
CONNECTIONS = 4096
OTHER_FILES = 256  # that a worker has open besides
GC_THRESHOLD = 20_000  # new objects before the collector comes; Python's own is 700


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM or SIGINT, then let requests end for `stop_timeout` seconds."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--host", required=True)
    for name in ("port", "workers", "threads", "stop-timeout"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--log-level", type=LogLevels, required=True)
    options = parser.parse_args(arguments)
    server = Granian(
        "config.wsgi:application",
        address=options.host,
        port=options.port,
        interface=Interfaces.RSGI,
        # One request at a time for each connection, so that those who wait are as bounded.
        http=HTTPModes.http1,
        workers=options.workers,
        backpressure=_allow_connections(),
        websockets=False,
        respawn_failed_workers=True,
        workers_kill_timeout=options.stop_timeout,
        log_level=options.log_level,
    )
    try:
        server.serve(target_loader=partial(load, options.threads), wrap_loader=False)
    except FatalError:
        sys.exit(1)


def _allow_connections() -> int:
    """Raise the limit of open files; return for how many connections of a worker it is enough."""
    wanted = CONNECTIONS + OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
    return max(allowed - OTHER_FILES, allowed // 2)


def load(threads: int) -> Any:
    """Load the application in a worker, which from then on ends with the main process.

    Otherwise workers would survive a kill of it, and hold the port that its successor needs.
    """
    # The main process's handler, inherited, would swallow it until the worker has its own.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # Not SIGTERM: a worker may be waiting for a request to end, and nobody is left to insist.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        parent = multiprocessing.parent_process()
        if parent is not None and parent.pid != os.getppid():
            sys.exit(1)
    from django.conf import settings
    from django.urls import get_resolver

    from config.gateway import Gateway
    from config.wsgi import application

    get_resolver().url_patterns  # noqa: B018  (else the first request would load the views)
    # What is loaded by now stays, so the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    return Gateway(application, threads=threads, largest_body=settings.DATA_UPLOAD_MAX_MEMORY_SIZE)


if __name__ == "__main__":
    main(sys.argv[1:])
