"""What the domain refuses: one base that services subclass beside the function that raises it."""

from typing import Any, ClassVar


class DomainError(Exception):
    """A refusal by a rule of the domain; the API answers it as problem+json.

    Subclasses set `status` (an HTTP status, 403, 404 or 409 as a rule), `code` (stable
    snake_case, listed in docs/api.md) and `detail` (a sentence for people). `extra` holds further
    members of the answer's body; JSON-able values only. `retry_after` is in seconds.
    """

    status: ClassVar[int] = 409
    code: ClassVar[str] = "conflict"
    detail: str = "The request conflicts with what is stored."
    retry_after: ClassVar[float | None] = None

    def __init__(self, detail: str | None = None, **extra: Any) -> None:
        self.detail = detail or self.detail
        self.extra = extra
        super().__init__(self.detail)


class InvalidField(DomainError):
    """One field's value cannot be accepted, for a reason that only the database knows."""

    status = 400
    code = "invalid"
    detail = "The request is not valid; see “errors”."

    def __init__(self, field: str, code: str, detail: str) -> None:
        super().__init__(errors=[{"field": field, "code": code, "detail": detail}])
