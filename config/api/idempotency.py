"""Safe repeats: a POST with an `Idempotency-Key` takes effect once, however often it is sent.

The key, a hash of the request and its 2xx answer are stored in the transaction of the effect.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final, cast

from django.db import OperationalError, connection
from django.utils import timezone
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.api.authority import ActingRoleChanged
from config.db.outcome import was_applied
from config.db.retry import write
from config.errors import DomainError, InvalidField
from config.models import IdempotencyKey

HEADER: Final = "Idempotency-Key"
KEPT: Final = timedelta(hours=24)
PRINTABLE: Final = re.compile(r"[\x20-\x7e]{1,255}")
LOCK_TIMEOUT: Final = "55P03"

Handler = Callable[..., Response]


class IdempotencyKeyReused(DomainError):
    """The key was used for another request."""

    status = 422
    code = "idempotency_key_reused"
    detail = "This Idempotency-Key was used for another request."


class InProgress(DomainError):
    """A request with the same key has not ended yet."""

    code = "in_progress"
    detail = "A request with this Idempotency-Key is being worked on."
    retry_after = 1.0


def once(handler: Handler, *, acting_role: int | None) -> Handler:
    """Make a DRF handler of a signed-in POST one `@write` that takes effect once for each key.

    Without the header it is a `@write` and nothing more. A key belongs to the role (an id) in which
    it was used; None: it is answered in any. The result raises what the handler raises,
    InvalidField, IdempotencyKeyReused, ActingRoleChanged, or InProgress when a twin did not end
    within the lock timeout.
    """

    def wrapper(request: Request, *args: Any, **kwargs: Any) -> Response:
        key = request.headers.get(HEADER)
        if key is None:
            return write(handler)(request, *args, **kwargs)
        if not PRINTABLE.fullmatch(key):
            raise InvalidField(HEADER, "invalid", "Give 1 to 255 printable ASCII characters.")
        user_id, fingerprint = cast(int, request.user.pk), _fingerprint(request)
        rows = IdempotencyKey.objects.filter(user_id=user_id, key=key, fingerprint=fingerprint)

        @write
        def apply() -> Response:
            row_id = _claim(user_id, key, fingerprint, acting_role)
            if row_id is None:
                return _replay(user_id, key, fingerprint, acting_role)
            response = handler(request, *args, **kwargs)
            row = IdempotencyKey.objects.filter(pk=row_id)
            if 200 <= response.status_code < 300:
                answer = JSONRenderer().render(response.data).decode()
                row.update(status=response.status_code, answer=answer)
            else:
                row.delete()
            return response

        token = was_applied.set(rows.exists)
        try:
            return apply()
        finally:
            was_applied.reset(token)

    return wrapper


def forget_old_keys() -> int:
    """Delete what is older than 24 hours and return how many keys that were."""
    count, _ = IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
    return count


def _fingerprint(request: Request) -> str:
    django_request = request._request
    head = f"{request.method} {django_request.get_full_path()}\n".encode()
    return hashlib.sha256(head + django_request.body).hexdigest()


def _claim(user_id: int, key: str, fingerprint: str, acting_role: int | None) -> int | None:
    """Return the id of a new row, or None where the key was used within 24 hours.

    The unique index makes a concurrent twin wait here until this transaction ends.
    """
    statement = """
        INSERT INTO config_idempotencykey AS stored
            (user_id, key, fingerprint, acting_role, answer, created_at)
        VALUES (%s, %s, %s, %s, '', now())
        ON CONFLICT (user_id, key) DO UPDATE
        SET fingerprint = excluded.fingerprint, acting_role = excluded.acting_role,
            status = NULL, answer = '', created_at = now()
        WHERE stored.created_at < now() - make_interval(secs => %s)
        RETURNING id
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute(
                statement, [user_id, key, fingerprint, acting_role, KEPT.total_seconds()]
            )
        except OperationalError as error:
            if getattr(error.__cause__, "sqlstate", None) == LOCK_TIMEOUT:
                raise InProgress from error
            raise
        row = cursor.fetchone()
        return row[0] if row else None


def _replay(user_id: int, key: str, fingerprint: str, acting_role: int | None) -> Response:
    stored = IdempotencyKey.objects.get(user_id=user_id, key=key)
    if stored.fingerprint != fingerprint:
        raise IdempotencyKeyReused
    if stored.acting_role != acting_role:
        raise ActingRoleChanged(expected=stored.acting_role, active=acting_role)
    return Response(
        json.loads(stored.answer), stored.status, headers={"Idempotent-Replayed": "true"}
    )
