"""Writes about people that concern no organisation: profile, look, sessions."""

from collections.abc import Mapping
from typing import Any

from allauth.usersessions.models import UserSession

from accounts.models import User, UserSettings
from config.db.retry import write


def lock_person(user_id: int) -> User:
    """Return the person, locked: concurrent writes about one person queue here."""
    return User.objects.select_for_update(no_key=True).get(pk=user_id)


@write
def update_profile(*, user_id: int, changes: Mapping[str, Any]) -> User:
    """Change a person's own record and return it; `changes` are validated fields of User."""
    user = lock_person(user_id)
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=[*changes, "updated_at"])
    return user


@write
def update_settings(*, user_id: int, changes: Mapping[str, Any]) -> UserSettings:
    """Change how the browser app looks for a person, and return it."""
    lock_person(user_id)
    settings, _ = UserSettings.objects.update_or_create(user_id=user_id, defaults=dict(changes))
    return settings


@write
def end_sessions(*, user_id: int) -> None:
    """Log a person out everywhere."""
    for session in UserSession.objects.filter(user_id=user_id):
        session.end()
