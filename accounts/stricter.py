"""The functions of allauth that have no hook and do not hold what the house promises.

`apply` replaces them when the app is ready. The version of allauth is locked; tests of sign-up and
of the second factor fail where a new version does not use them any more.
"""

from typing import Any

from allauth.account.internal.flows import manage_email
from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from allauth.mfa.utils import decrypt
from django.db import transaction
from django.db.models.signals import pre_save

from accounts.lookups import holder_of

LAST_STEP = "last_step"


def apply() -> None:
    """Replace them."""
    manage_email.assess_unique_email = assess_unique_email
    auth.TOTP.validate_code = validate_code
    pre_save.connect(count_activation, Authenticator, dispatch_uid="accounts.stricter")


def assess_unique_email(email: str, user: Any = None) -> bool | None:
    """Return True where an address may be taken, None where somebody else has verified it.

    allauth's counts those who merely claim it too, so a stranger could keep an address from its
    owner. None: its holder is told by mail, and the caller nothing.
    """
    holder = holder_of(email)
    return True if holder is None or (user and holder.pk == user.pk) else None


def count_activation(instance: Authenticator, **kwargs: Any) -> None:
    """Count the code as used with which one-time codes are set up, whichever of those now right."""
    if instance.pk is None and instance.type == Authenticator.Type.TOTP:
        *_, instance.data[LAST_STEP] = auth.yield_hotp_counters_from_time()


def validate_code(self: auth.TOTP, code: str) -> bool:
    """Return whether a one-time code is right and of a later time than any that was used.

    allauth remembers used codes in the cache, for half a minute. What is written to the person's
    second factor, locked, holds for all processes, and while Redis is away.
    """
    secret = decrypt(self.instance.data["secret"])
    steps = [
        step
        for step in auth.yield_hotp_counters_from_time()
        if compare_user_code(
            actual=code, expected=auth.format_hotp_value(auth.hotp_value(secret, step))
        )
    ]
    if not steps:
        return False
    if self.instance.pk is None:  # it is being set up
        return True
    with transaction.atomic():
        stored = Authenticator.objects.select_for_update().get(pk=self.instance.pk)
        if steps[-1] <= stored.data.get(LAST_STEP, 0):
            return False
        stored.data[LAST_STEP] = steps[-1]
        stored.save(update_fields=["data"])
    return True
