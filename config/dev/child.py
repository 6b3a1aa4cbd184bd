"""Becomes a server process that dies with its parent: `python -IS child.py PARENT SIGNAL ACCOUNT
COMMAND...`.

A program of its own, because the steps between fork and exec are not safe in a parent with
threads. SIGNAL is what the kernel sends this process when the parent (more precisely, the thread
that started it) is gone. ACCOUNT is "same" (stay who one is), "namespace" (root appears to itself
as an ordinary user, which PostgreSQL insists on; no account is needed) or numeric USER:GROUP. That
account keeps root's right to enter any folder, since the checkout may be in one that nobody else
can enter, as root's home is.
"""

import ctypes
import os
import sys

CLONE_NEWUSER = 0x10000000
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE = 47, 2
CAPABILITY_VERSION = 0x20080522
CAP_DAC_OVERRIDE = 1
INNER_ID = 1000


def main(parent: int, signal: int, account: str, command: list[str]) -> None:
    """Become `command`; exits with a message when the host refuses a step."""
    libc = ctypes.CDLL(None, use_errno=True)
    try:
        if account == "namespace":
            user, group = os.geteuid(), os.getegid()
            _checked(libc.unshare(CLONE_NEWUSER))
            # The kernel accepts a group map only from who gave up setgroups.
            for name, text in (
                ("setgroups", "deny"),
                ("uid_map", f"{INNER_ID} {user} 1"),
                ("gid_map", f"{INNER_ID} {group} 1"),
            ):
                with open(f"/proc/self/{name}", "w") as file:
                    file.write(text)
        elif account != "same":
            user, group = map(int, account.split(":"))
            os.setgroups([])
            os.setgid(group)
            _checked(libc.prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
            os.setuid(user)
            _keep_passage(libc)
        # Last: a change of account clears it.
        _checked(libc.prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0))
        if os.getppid() != parent:
            sys.exit(1)
        os.execv(command[0], command)  # noqa: S606
    except OSError as error:
        sys.exit(f"{command[0]} as {account}: {error}")


def _keep_passage(libc: ctypes.CDLL) -> None:
    """Keep, across exec, what lets one pass any folder, and none of root's other rights."""
    kept = 1 << CAP_DAC_OVERRIDE
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0)
    # Effective, permitted and inheritable ones: the lower halves, then the upper.
    sets = (ctypes.c_uint32 * 6)(kept, kept, kept, 0, 0, 0)
    _checked(libc.capset(header, sets))
    _checked(libc.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_DAC_OVERRIDE, 0, 0))


def _checked(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4:])
