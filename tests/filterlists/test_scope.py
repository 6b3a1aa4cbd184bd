"""No filter widens what somebody sees: whoever asks, whatever the table."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from accounts.cache import load_person
from accounts.models import Role, RoleAssignment, User
from config.api.tables import all_tables, parse_filter
from filterlists.cache import asker_of
from organizations.models import Branch, BranchAssignment, Invitation, Organization
from tests.api.world import make_world
from tests.filterlists.documents import documents


@pytest.fixture
def people(db: None) -> dict[str, User]:
    """One of each role in an organisation beside another of the same shape."""
    here, elsewhere = make_world("nordwind"), make_world("suedwind")
    limited = Role.objects.get(organization=here.organization, name="Lead")
    limited.pk, limited.name, limited.all_branches = None, "Limited", False
    limited._state.adding = True
    limited.save()
    for permission in Role.objects.get(
        organization=here.organization, name="Lead"
    ).permissions.all():
        limited.permissions.create(entity=permission.entity, access_level=permission.access_level)
    limited.branches.add(here.organization.branches.earliest("id"))
    bounded = User.objects.create(username="bounded", email="bounded@example.org")
    RoleAssignment.objects.create(user=bounded, role=limited, is_active_role=True)
    # Someone who belongs to both, whose other membership is nobody's business here.
    RoleAssignment.objects.create(
        user=here.member, role=Role.objects.get(organization=elsewhere.organization, name="Lead")
    )
    BranchAssignment.objects.create(
        user=here.member, branch=elsewhere.organization.branches.earliest("id")
    )
    return {
        "admin": here.admin,
        "lead": here.lead,
        "member": here.member,
        "limited": bounded,
        "stranger": elsewhere.member,
    }


def ids_everywhere() -> dict[str, list[Any]]:
    """Return ids of all organisations for the columns that take ids."""
    of_people = list(User.objects.values_list("id", flat=True))
    of_roles = list(Role.objects.values_list("id", flat=True))
    of_branches = list(Branch.objects.values_list("id", flat=True))
    people = ("user", "author", "requester", "processed_by", "invited_by", "edited_by")
    return {
        **dict.fromkeys(people, of_people),
        "role": of_roles,
        "branch": of_branches,
        "id": [*of_people, *of_roles, *of_branches],
    }


@given(data=st.data())
@settings(
    max_examples=20,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_filters_only_narrow(people: dict[str, User], data: st.DataObject) -> None:
    pool = ids_everywhere()
    table = data.draw(st.sampled_from(list(all_tables().values())))
    many = data.draw(st.lists(documents(table, pool, most=3), min_size=3, max_size=6))
    for name, user in people.items():
        person = load_person(user.id)
        asker = asker_of(person)
        usable = {column.name for column in table.columns_open_to(asker)}
        visible = set(table.visible(person).values_list("id", flat=True))
        for document in many:
            if {each["column"] for each in document["conditions"]} <= usable:
                q = parse_filter(table, **document, asker=asker).q(asker)
                found = set(table.visible(person).filter(q).values_list("id", flat=True))
                assert found <= visible, (name, table.name, json.dumps(document))


def test_foreign_ids_are_as_good_as_none(people: dict[str, User]) -> None:
    """For every column that takes ids, an unseen one finds what one that does not exist finds."""
    here = Organization.objects.get(name="nordwind")
    foreign = {
        "person": list(
            User.objects.exclude(role_assignments__role__organization=here)
            .exclude(join_requests__organization=here)
            .values_list("id", flat=True)
        ),
        "role": list(Role.objects.exclude(organization=here).values_list("id", flat=True)),
        "branch": list(Branch.objects.exclude(organization=here).values_list("id", flat=True)),
    }
    person = load_person(people["admin"].id)
    asker, compared = asker_of(person), 0
    for table in all_tables().values():
        for column in table.columns:
            for row_id in foreign.get(column.type, ()):
                answers = []
                for value in (row_id, 2**62):
                    for operator in ("equals", "not_equals"):
                        condition = {"column": column.name, "operator": operator, "value": value}
                        q = parse_filter(table, [condition], [], asker).q(asker)
                        answers.append(set(table.visible(person).filter(q).values_list("id")))
                assert answers[:2] == answers[2:], (table.name, column.name)
                compared += 1
    assert compared > 20
    assert Invitation.objects.count() == 2
