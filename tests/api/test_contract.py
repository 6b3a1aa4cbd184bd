"""The shortest form of `./run bench contract`; `.ci/run` has a longer one."""

from hashlib import sha256

import pytest
from allauth.account.models import EmailAddress
from django.utils import timezone
from schemathesis import GenerationMode

from accounts.models import User
from config.api.throttles import Throttle
from organizations.models import Invitation
from tests.api.contract import IDS, be_patient, explore, operations, set_ids, signed_in, undone
from tests.api.examples import example_of, follow_links, send_example
from tests.api.world import World, make_world
from tests.conftest import Api
from worktime.models import WorkTime

EXAMPLES = 1  # of each operation and kind
SEED = 1


@pytest.fixture
def world(db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(Throttle, "allow_request", lambda *args: True)
    be_patient()
    return make_world("nordwind")


@pytest.fixture
def ids(world: World) -> dict[str, int]:
    """What the examples name: all of one organisation, and another one to join."""
    return {**world.ids, "organization": make_world("suedwind").organization.id}


@pytest.mark.parametrize("who", ["admin", "member"])
def test_answers_keep_to_the_schema(world: World, who: str) -> None:
    wrong = [
        text
        for operation in operations().values()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for text in explore(
            operation, mode, Api(getattr(world, who)), world.ids, examples=EXAMPLES, seed=SEED
        )
    ]
    assert not wrong, "\n\n".join(wrong)


def test_the_examples_are_accepted(world: World, ids: dict[str, int]) -> None:
    guest = User.objects.create(username="dave", email="guest@nordwind.example")
    EmailAddress.objects.create(user=guest, email=guest.email, verified=True, primary=True)
    senders = {"PUT /api/me/active-role/": world.member, "POST /api/invitations/accept/": guest}
    WorkTime.objects.create(
        user=world.member,
        organization=world.organization,
        branch_id=ids["branch"],
        started_at=timezone.now(),
        time_zone="Europe/Berlin",
    )
    bodies = {
        label: operation
        for label, operation in operations().items()
        if "requestBody" in operation.definition.raw
    }
    assert len(bodies) > 20
    accepting = bodies["POST /api/invitations/accept/"].definition.raw
    secret = example_of(accepting, ids)["token"].encode()
    Invitation.objects.filter(pk=ids["invitation"]).update(token_hash=sha256(secret).hexdigest())
    wrong = [
        text
        for label, operation in bodies.items()
        for text in send_example(operation, Api(senders.get(label, world.admin)), ids)
    ]
    assert not wrong, "\n\n".join(wrong)


def test_what_is_made_can_be_used_by_its_links(world: World, ids: dict[str, int]) -> None:
    succeeded, wrong = follow_links(Api(world.admin), ids, scenarios=10, seed=SEED)
    assert not wrong, "\n\n".join(wrong)
    assert sum(succeeded.values()) >= 5, succeeded


def test_a_number_is_no_text(world: World, ids: dict[str, int]) -> None:
    taken = []
    for label, operation in operations().items():
        if "requestBody" not in operation.definition.raw:
            continue
        body = example_of(operation.definition.raw, ids)
        for name in [name for name in body if isinstance(body[name], str) and name != "hours"]:
            case = operation.Case(
                path_parameters={**dict.fromkeys(IDS), "table": "worktime"},
                body={**body, name: 5},
                media_type="application/json",
            )
            set_ids(case, ids)
            with undone():
                response = case.call(**signed_in(Api(world.admin)))
            if response.status_code != 400 or name not in response.text:
                taken.append(f"{label} {name}: {response.status_code}")
    assert taken == []
