"""The mails of organisations, sent after COMMIT and while no database connection is held."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlencode

from django.conf import settings
from django.core.mail import send_mail
from django.db import connection
from django.template.loader import render_to_string

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Letter:
    """What an invitation's mail says; the token shows nowhere else."""

    to: str
    organization: str
    role: str
    expires_at: datetime
    token: str = field(repr=False)


def send_invitation(letter: Letter, record: Callable[[str], None]) -> None:
    """Mail it and call `record` with what went wrong, "" for nothing; raises nothing of the mail's.

    Takes up to EMAIL_TIMEOUT for each step of the talk with the mail server.
    """
    if not connection.in_atomic_block:
        # A slow mail server must not cost others a connection.
        connection.close()
    # A line break in a name must not become a header.
    subject = " ".join(f"Invitation to {letter.organization}".split())
    link = f"{settings.FRONTEND_URL}/invitations/accept?{urlencode({'token': letter.token})}"
    body = render_to_string("organizations/invitation.txt", {"letter": letter, "link": link})
    try:
        send_mail(subject, body, None, [letter.to])
    except OSError as error:
        # The class says enough; a server's text may quote the mail.
        name = type(error).__name__
        logger.warning("An invitation could not be mailed: %s", name)
        record(name)
    else:
        record("")
