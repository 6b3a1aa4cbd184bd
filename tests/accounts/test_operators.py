"""`manage.py createsuperuser` makes someone who can log in, without any mail server."""

import os
from unittest.mock import patch

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command

from accounts.models import User
from tests.accounts.browser import PASSWORD, Browser

OPERATOR = {
    "DJANGO_SUPERUSER_USERNAME": "root",
    "DJANGO_SUPERUSER_EMAIL": "Root@Example.org",
    "DJANGO_SUPERUSER_PASSWORD": PASSWORD,
}


def create(**changes: str) -> None:
    with patch.dict(os.environ, {**OPERATOR, **changes}):
        call_command("createsuperuser", interactive=False, verbosity=0)


def test_it_works(db: None) -> None:
    create()
    address = EmailAddress.objects.get()
    assert (address.email, address.verified, address.primary) == ("root@example.org", True, True)
    browser = Browser()
    page = browser.get("/admin/", follow=True)
    form = {
        "login": "root",
        "password": PASSWORD,
        "csrfmiddlewaretoken": page.context["csrf_token"],
    }
    assert browser.post("/accounts/login/?next=/admin/", form)["Location"] == "/admin/"
    assert browser.get("/admin/").status_code == 200


def test_without_an_email(db: None) -> None:
    with pytest.raises(CommandError, match="e-mail"):
        create(DJANGO_SUPERUSER_EMAIL="")
    assert not User.objects.exists()
