"""/api/organizations/: founding, finding, changing, numbers."""

from typing import Any

import pytest

from accounts.models import User
from organizations.models import Organization
from tests.conftest import Api

ORGANIZATIONS = "/api/organizations/"
CURRENT = "/api/organizations/current/"
SEARCH = "/api/organizations/search/"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def test_founding(api: type[Api], db: None) -> None:
    new = User.objects.create(username="new", time_zone="Europe/Madrid")
    client = api(new)
    body = {"name": "westwind", "display_name": "Westwind", "branch_name": "Vigo"}
    response = client.post_json(ORGANIZATIONS, body)
    assert response.status_code == 201, response.content
    assert response.json()["time_zone"] == "Europe/Madrid"
    context = client.get("/api/me/").json()
    assert context["active_organization"] == response.json()
    assert context["active_role"]["is_admin"] is True
    assert context["active_branch"]["name"] == "Vigo"
    assert code(client.post_json(ORGANIZATIONS, body)) == (409, "name_taken")
    assert User.objects.get().role_assignments.count() == 1


@pytest.mark.parametrize("name", ["", "With Space", "UPPER", "-x", "a" * 101])
def test_a_name_is_a_slug(api: type[Api], alice: User, name: str) -> None:
    response = api(alice).post_json(ORGANIZATIONS, {"name": name, "display_name": "X"})
    assert response.json()["errors"][0]["field"] == "name"


def test_searching_shows_names_only(api: type[Api], charlie: User, nordwind: Organization) -> None:
    client = api(charlie)
    found = client.get(SEARCH, {"q": "ORDW"}).json()
    assert found == {"results": [{"id": nordwind.id, "display_name": "Nordwind"}]}
    assert client.get(SEARCH, {"q": "no%"}).json() == {"results": []}
    for q in ("no", "  n ", "", "a\0bc"):
        assert client.get(SEARCH, {"q": q}).status_code == 400
    assert client.get(SEARCH).json()["errors"][0]["field"] == "q"
    nordwind.is_active = False
    nordwind.save()
    assert client.get(SEARCH, {"q": "nordwind"}).json() == {"results": []}


def test_searching_is_throttled(api: type[Api], alice: User) -> None:
    client = api(alice)
    answers = [client.get(SEARCH, {"q": "nordwind"}) for _ in range(31)]
    assert [answer.status_code for answer in answers] == [200] * 30 + [429]
    assert code(answers[-1]) == (429, "throttled")
    assert int(answers[-1]["Retry-After"]) > 0


def test_changing(api: type[Api], ada: User, bob: User, nordwind: Organization) -> None:
    client = api(ada)
    changes = {
        "display_name": "Nordwind AG",
        "domain": "nordwind.example",
        "logo": "https://nordwind.example/logo.svg",
        "country": "DE",
        "tax_number": "DE 123",
        "time_zone": "Europe/Zurich",
    }
    answer = client.send("PATCH", CURRENT, changes).json()
    assert changes.items() <= answer.items()
    assert client.get(CURRENT).json() == answer
    assert api(bob).send("PATCH", CURRENT, changes).status_code == 403


def test_the_plan_is_the_operators_matter(
    api: type[Api], ada: User, nordwind: Organization
) -> None:
    before = api(ada).get(CURRENT).json()
    changes = {"max_users": 10_000, "subscription_plan": "gold", "is_active": False, "name": "x"}
    assert api(ada).send("PATCH", CURRENT, changes).json() == before


@pytest.mark.parametrize(
    "changes",
    [
        {"logo": "data:image/png;base64,AAAA"},
        {"logo": "javascript:alert(1)"},
        {"time_zone": "Nowhere/Land"},
        {"domain": "not a domain"},
        {"country": "Germany"},
    ],
)
def test_nonsense(
    api: type[Api], ada: User, nordwind: Organization, changes: dict[str, Any]
) -> None:
    response = api(ada).send("PATCH", CURRENT, changes)
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == next(iter(changes))


def test_a_domain_is_taken(
    api: type[Api], ada: User, charlie: User, nordwind: Organization
) -> None:
    Organization.objects.exclude(pk=nordwind.pk).update(domain="wind.example")
    response = api(ada).send("PATCH", CURRENT, {"domain": "wind.example"})
    assert code(response) == (409, "domain_taken")


def test_stats(api: type[Api], alice: User, bob: User, charlie: User) -> None:
    User.objects.filter(pk=bob.pk).update(is_active=False)
    numbers = api(alice).get(f"{CURRENT}stats/").json()
    assert numbers == {
        "active_users": 2,
        "inactive_users": 1,
        "max_users": 50,
        "roles": 3,
        "branches": 1,
    }
