"""What each endpoint costs with cold caches, in statements, for an admin."""

from django.core.cache import cache
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tests.api.table import TABLE
from tests.api.test_table import ask
from tests.api.world import World, make_world
from tests.conftest import Api

COSTS = {
    "GET /api/me/": 5,
    "GET /api/me/profile/": 4,
    "PATCH /api/me/profile/": 5,
    "GET /api/me/bank-details/": 4,
    "PUT /api/me/bank-details/": 5,
    "GET /api/me/settings/": 5,
    "PATCH /api/me/settings/": 6,
    "PUT /api/me/active-role/": 5,
    "PUT /api/me/active-branch/": 13,
    "GET /api/me/branches/": 4,
    "GET /api/page/": 12,
    "DELETE /api/me/sessions/": 5,
    "GET /api/tokens/": 4,
    "POST /api/tokens/": 10,
    "DELETE /api/tokens/{token}/": 5,
    "GET /api/users/": 6,
    "POST /api/users/": 27,
    "GET /api/users/{user}/": 6,
    "PATCH /api/users/{user}/": 9,
    "PUT /api/users/{user}/roles/": 13,
    "PUT /api/users/{user}/branches/": 11,
    "GET /api/roles/": 6,
    "POST /api/roles/": 12,
    "GET /api/roles/{role}/": 6,
    "PATCH /api/roles/{role}/": 11,
    "DELETE /api/roles/{spare_role}/": 13,
    "GET /api/branches/": 4,
    "POST /api/branches/": 5,
    "GET /api/branches/{branch}/": 4,
    "PATCH /api/branches/{branch}/": 6,
    "DELETE /api/branches/{spare_branch}/": 12,
    "POST /api/organizations/": 18,
    "GET /api/organizations/search/?q=wind": 4,
    "GET /api/organizations/current/": 4,
    "PATCH /api/organizations/current/": 5,
    "GET /api/organizations/current/settings/": 5,
    "PATCH /api/organizations/current/settings/": 8,
    "GET /api/organizations/current/stats/": 7,
    "GET /api/join-requests/": 4,
    "POST /api/join-requests/": 6,
    "POST /api/join-requests/{join_request}/approve/": 27,
    "POST /api/join-requests/{join_request}/reject/": 10,
    "POST /api/join-requests/{join_request}/withdraw/": 4,
    "GET /api/invitations/": 8,
    "POST /api/invitations/": 11,
    "POST /api/invitations/accept/": 7,
    "POST /api/invitations/{invitation}/resend/": 11,
    "POST /api/invitations/{invitation}/revoke/": 9,
    "GET /api/worktime/": 4,
    "POST /api/worktime/": 9,
    "GET /api/worktime/{worktime}/": 4,
    "PATCH /api/worktime/{worktime}/": 10,
    "DELETE /api/worktime/{worktime}/?reason=x": 9,
    "GET /api/worktime/{worktime}/revisions/": 6,
    "POST /api/worktime/start/": 8,
    "POST /api/worktime/stop/": 6,
    "GET /api/worktime/active/": 4,
    "GET /api/worktime/stats/?week=2026-W10": 7,
    "GET /api/worktime/export/?format=csv": 5,
    "GET /api/team-worktime/active/": 6,
    "POST /api/team-worktime/stop/": 7,
    "PUT /api/team-worktime/overtime/": 7,
    "GET /api/filter-lists/?table=worktime": 7,
    "POST /api/filter-lists/": 8,
    "POST /api/filter-lists/reorder/": 5,
    "GET /api/filter-lists/tables/": 3,
    "GET /api/filter-lists/{filter_list}/": 4,
    "PATCH /api/filter-lists/{filter_list}/": 7,
    "DELETE /api/filter-lists/{filter_list}/": 6,
    "GET /api/filter-groups/?table=worktime": 6,
    "POST /api/filter-groups/": 7,
    "PATCH /api/filter-groups/{filter_group}/": 6,
    "DELETE /api/filter-groups/{filter_group}/": 7,
    "GET /api/table-settings/worktime/": 6,
    "PUT /api/table-settings/worktime/": 6,
}


def measured(world: World) -> dict[str, int]:
    costs = {}
    for row in TABLE:
        if row.path.startswith("/api/") and not row.path.startswith(
            ("/api/schema", "/api/docs", "/api/redoc")
        ):
            cache.clear()
            client = Api(world.admin)
            # The session itself is warm, as it is for a browser that is at work.
            before = transaction.savepoint()
            with CaptureQueriesContext(connection) as captured:
                ask(client, row, world.ids, world.ids)
            transaction.savepoint_rollback(before)
            statements = [query["sql"] for query in captured]
            costs[str(row)] = sum("SAVEPOINT" not in statement for statement in statements)
    return costs


def test_fixed(db: None) -> None:
    assert measured(make_world("nordwind")) == COSTS
