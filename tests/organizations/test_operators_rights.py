"""An operator who loses the right while a form is on its way changes nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from accounts.services import log_out_everywhere
from config import admin
from organizations.models import Branch, Organization


def no_staff(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_staff=False)


def no_superuser(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_superuser=False)


def inactive(user: User) -> None:
    User.objects.filter(pk=user.pk).update(is_active=False)


def logged_out(user: User) -> None:
    log_out_everywhere(user_id=user.pk)


def nothing(user: User) -> None:
    pass


def form_of(branch: Branch, **changes: Any) -> dict[str, Any]:
    fields = ("name", "address", "city", "country", "time_zone")
    return {**{name: getattr(branch, name) for name in fields}, "is_active": "on", **changes}


@pytest.mark.parametrize(
    ("lose", "status"),
    [(nothing, 302), (no_staff, 403), (no_superuser, 403), (inactive, 403), (logged_out, 403)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_lost_in_between(
    operator: Client,
    nordwind: Organization,
    hamburg: Branch,
    monkeypatch: pytest.MonkeyPatch,
    lose: Callable[[User], None],
    status: int,
) -> None:
    write = admin.write  # type: ignore[attr-defined]

    def write_later(function: Callable[[], Any]) -> Callable[[], Any]:
        lose(User.objects.get(username="root"))
        return write(function)

    monkeypatch.setattr(admin, "write", write_later)
    path = f"/admin/organizations/branch/{hamburg.pk}/change/"
    assert operator.post(path, form_of(hamburg, city="Kiel")).status_code == status
    hamburg.refresh_from_db()
    assert (hamburg.city == "Kiel") is (status == 302)
