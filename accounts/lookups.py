"""Whom a typed user name or e-mail means. An address is its verified holder's alone."""

from allauth.account.models import EmailAddress
from django.db.models import Q, QuerySet

from accounts.models import User
from config.names import normal_form


def find_person(username: str) -> User | None:
    """Return the person of a user name in any form; None where there is none."""
    return User.objects.filter(username_key=normal_form(username)).first()


def holder_of(email: str) -> User | None:
    """Return the person who verified an address; None where nobody did."""
    address = EmailAddress.objects.filter(email=email.lower(), verified=True)
    found = address.select_related("user").first()
    return found.user if found else None


def claimants_of(email: str) -> QuerySet[User]:
    """Return all people who have an address, whether they verified it or not."""
    email = email.lower()
    claimed = EmailAddress.objects.filter(email=email).values("user_id")
    return User.objects.filter(Q(email=email) | Q(pk__in=claimed)).order_by("pk")


def person_to_log_in(email: str) -> User | None:
    """Return the person whom an address lets in: its holder, else who claims it alone.

    Of several who claim it nobody is let in by it: they have to verify it first.
    """
    if holder := holder_of(email):
        return holder
    known = EmailAddress.objects.filter(verified=True).values("user_id")
    claimants = [
        user
        # Who has an address of their own may have mistyped this one.
        for user in claimants_of(email).exclude(pk__in=known)[:2]
        if user.has_usable_password()
    ]
    return claimants[0] if len(claimants) == 1 else None
