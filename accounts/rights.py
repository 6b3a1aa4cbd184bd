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
from typing import Final

from django.db import connection

from accounts.cache import Person
from config.api.authority import RightsChanged

# FOR KEY SHARE is what a foreign key takes too: it waits for nobody but those who delete a row or
# lock it FOR UPDATE.
OF_A_ROLE: Final = """
    SELECT person.is_active, person.session_generation, held.is_active_role, role.updated_at
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
    SELECT is_active, session_generation FROM accounts_user WHERE id = %s FOR KEY SHARE"""

# The context that the current write was decided on, and the id of the token it came with.
_pending: ContextVar[tuple[Person, int | None] | None] = ContextVar("unconfirmed", default=None)


@contextmanager
def confirming(person: Person, token_id: int | None) -> Iterator[None]:
    """Run a write that was decided on `person`, and confirm that at the end at the latest.

    Raises RightsChanged; its transaction has to be rolled back then.
    """
    before = _pending.set((person, token_id))
    try:
        yield
        confirm()
    finally:
        _pending.reset(before)


def confirm() -> None:
    """Confirm what the current write was decided on, once; raise RightsChanged.

    Does nothing where there is nothing to confirm: in commands, and in the Django admin.
    """
    pending = _pending.get()
    if pending is not None:
        _pending.set(None)
        require(*pending)


def require(person: Person, token_id: int | None) -> None:
    """Lock what grants a caller's rights; raise RightsChanged unless they are `person`'s."""
    role = person.active_role
    expected: tuple[object, ...]
    if token_id is not None:
        statement, arguments = OF_A_TOKEN, [token_id]
        expected = (True, role and role.updated_at)
    elif role is not None:
        statement, arguments = OF_A_ROLE, [person.id, role.id]
        expected = (True, person.session_generation, True, role.updated_at)
    else:
        statement, arguments = OF_NO_ROLE, [person.id]
        expected = (True, person.session_generation)
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        if cursor.fetchone() != expected:
            raise RightsChanged
