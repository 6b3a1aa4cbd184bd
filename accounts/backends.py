"""Who logs in: allauth's backend, but for how it finds people."""

from allauth.account.auth_backends import AuthenticationBackend as StockBackend

from accounts.lookups import find_person, person_to_log_in
from accounts.models import User


class AuthenticationBackend(StockBackend):  # type: ignore[misc]
    """Finds one person at most: by a user name in any form, or by an address that is theirs."""

    def _authenticate_by_username(self, username: str, password: str) -> User | None:
        user: User | None = self._check_password(find_person(username), password)
        return user

    def _authenticate_by_email(self, email: str, password: str) -> User | None:
        user: User | None = self._check_password(person_to_log_in(email), password)
        return user
