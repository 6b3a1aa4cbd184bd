"""What a write was decided on, confirmed inside its transaction.

A request is let in by a context that may be a moment old, and its write commits later. Before it
does, `confirm` locks the rows that grant it (person, role assignment, role, token) and compares
them with that context. Whoever takes a right away locks one of these rows exclusively, so the two
have an order: the write commits first, or it finds its right gone and does nothing.

Locks are taken in this order, so that they cannot form a cycle: organisation, people by id, role
assignments, roles. A service that may change the caller's own rights therefore calls `confirm`
itself, after it has locked people and before it changes anything; for all others it is called
right before COMMIT.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from django.db import connection

from accounts.cache import Person
from accounts.models import User
from config.api.authority import RightsChanged

# FOR KEY SHARE is what a foreign key takes too: it waits for nobody but those who delete a row or
# lock it FOR UPDATE.
OF_A_ROLE: Final = """
    SELECT person.is_active, person.password, person.session_generation,
        held.is_active_role, role.updated_at
    FROM accounts_user person
    JOIN accounts_roleassignment held ON held.user_id = person.id
    JOIN accounts_role role ON role.id = held.role_id
    WHERE person.id = %s AND role.id = %s
    FOR KEY SHARE"""
OF_A_TOKEN: Final = """
    SELECT person.is_active, role.updated_at
    FROM accounts_apitoken token
    JOIN accounts_user person ON person.id = token.user_id
    JOIN accounts_roleassignment held ON held.id = token.role_assignment_id
    JOIN accounts_role role ON role.id = held.role_id
    WHERE token.id = %s
    FOR KEY SHARE"""  # noqa: S105  (a statement)
OF_NO_ROLE: Final = """
    SELECT is_active, password, session_generation FROM accounts_user
    WHERE id = %s FOR KEY SHARE"""


@dataclass(frozen=True, slots=True)
class Decided:
    """What a request was let in by: its caller's context, and its session's hash or its token."""

    person: Person
    session_hash: str
    token_id: int | None


_pending: ContextVar[Decided | None] = ContextVar("unconfirmed", default=None)


@contextmanager
def confirming(decided: Decided) -> Iterator[None]:
    """Run a write that was decided on this, and confirm that at the end at the latest.

    Raises RightsChanged; its transaction has to be rolled back then.
    """
    before = _pending.set(decided)
    try:
        yield
        confirm()
    finally:
        _pending.reset(before)


def confirm() -> None:
    """Confirm what the current write was decided on, once; raise RightsChanged.

    Does nothing where there is nothing to confirm: in commands, and in the Django admin.
    """
    if (pending := _pending.get()) is not None:
        _pending.set(None)
        require(pending)


def require(decided: Decided) -> None:
    """Lock what grants a caller's rights; raise RightsChanged unless they are as decided on."""
    person, role = decided.person, decided.person.active_role
    with connection.cursor() as cursor:
        if decided.token_id is not None:
            cursor.execute(OF_A_TOKEN, [decided.token_id])
            holds = cursor.fetchone() == (True, role and role.updated_at)
        else:
            if role is None:
                cursor.execute(OF_NO_ROLE, [person.id])
                expected: tuple[object, ...] = (True,)
            else:
                cursor.execute(OF_A_ROLE, [person.id, role.id])
                expected = (True, True, role.updated_at)
            row = cursor.fetchone()
            holds = row is not None and (row[0], *row[3:]) == expected
            if holds:
                user = User(password=row[1], session_generation=row[2])
                holds = user.get_session_auth_hash() == decided.session_hash
    if not holds:
        raise RightsChanged
