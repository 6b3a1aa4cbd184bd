"""A browser that has loaded the app: it talks to allauth's headless API."""

import re
from typing import Any
from urllib.parse import unquote

from django.core import mail

from tests.conftest import Api

AUTH = "/api/auth/browser/v1/"
PASSWORD = "correct horse battery"


class Browser(Api):
    def __init__(self) -> None:
        super().__init__()
        self.get(f"{AUTH}config")

    def auth(self, method: str, path: str, body: Any = None) -> Any:
        """Send to allauth; the token rotates with each log-in."""
        self.csrf["X-CSRFToken"] = self.cookies["csrftoken"].value
        return self.send(method, f"{AUTH}{path}", body)

    def log_in(self, username: str = "alice", password: str = PASSWORD) -> Any:
        answer = self.auth("POST", "auth/login", {"username": username, "password": password})
        self.csrf["X-CSRFToken"] = self.cookies["csrftoken"].value
        return answer


def key_in_mail() -> str:
    """Return the key of the link in the last mail."""
    found = re.search(r"https?://\S+/([\w:.%-]+)/?\s", str(mail.outbox[-1].body))
    assert found, mail.outbox[-1].body
    return unquote(found[1])


def flows(response: Any) -> dict[str, bool]:
    """Return the steps that allauth offers, and which of them is pending."""
    return {flow["id"]: flow.get("is_pending", False) for flow in response.json()["data"]["flows"]}
