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
    "PATCH /api/me/profile/": 6,
    "GET /api/me/bank-details/": 4,
    "PUT /api/me/bank-details/": 6,
    "GET /api/me/settings/": 5,
    "PATCH /api/me/settings/": 7,
    "PUT /api/me/active-role/": 7,
    "PUT /api/me/active-branch/": 14,
    "GET /api/me/branches/": 4,
    "GET /api/page/": 12,
    "DELETE /api/me/sessions/": 7,
    "GET /api/tokens/": 4,
    "POST /api/tokens/": 11,
    "DELETE /api/tokens/{token}/": 6,
    "GET /api/users/": 6,
    "POST /api/users/": 29,
    "GET /api/users/{user}/": 6,
    "PATCH /api/users/{user}/": 11,
    "PUT /api/users/{user}/roles/": 14,
    "PUT /api/users/{user}/branches/": 12,
    "GET /api/roles/": 6,
    "POST /api/roles/": 13,
    "GET /api/roles/{role}/": 6,
    "PATCH /api/roles/{role}/": 14,
    "DELETE /api/roles/{spare_role}/": 14,
    "GET /api/branches/": 4,
    "POST /api/branches/": 6,
    "GET /api/branches/{branch}/": 4,
    "PATCH /api/branches/{branch}/": 7,
    "DELETE /api/branches/{spare_branch}/": 13,
    "POST /api/organizations/": 26,
    "GET /api/organizations/search/?q=wind": 4,
    "GET /api/organizations/current/": 4,
    "PATCH /api/organizations/current/": 6,
    "GET /api/organizations/current/settings/": 5,
    "PATCH /api/organizations/current/settings/": 9,
    "GET /api/organizations/current/stats/": 7,
    "GET /api/join-requests/": 4,
    "POST /api/join-requests/": 7,
    "POST /api/join-requests/{join_request}/approve/": 28,
    "POST /api/join-requests/{join_request}/reject/": 11,
    "POST /api/join-requests/{join_request}/withdraw/": 5,
    "GET /api/invitations/": 8,
    "POST /api/invitations/": 12,
    "POST /api/invitations/accept/": 8,
    "POST /api/invitations/{invitation}/resend/": 12,
    "POST /api/invitations/{invitation}/revoke/": 10,
    "GET /api/worktime/": 4,
    "POST /api/worktime/": 10,
    "GET /api/worktime/{worktime}/": 4,
    "PATCH /api/worktime/{worktime}/": 11,
    "DELETE /api/worktime/{worktime}/?reason=x": 10,
    "GET /api/worktime/{worktime}/revisions/": 6,
    "POST /api/worktime/start/": 9,
    "POST /api/worktime/stop/": 7,
    "GET /api/worktime/active/": 4,
    "GET /api/worktime/stats/?week=2026-W10": 7,
    "GET /api/worktime/export/?format=csv": 7,
    "GET /api/team-worktime/active/": 6,
    "POST /api/team-worktime/stop/": 8,
    "PUT /api/team-worktime/overtime/": 8,
    "GET /api/filter-lists/?table=worktime": 7,
    "POST /api/filter-lists/": 9,
    "POST /api/filter-lists/reorder/": 6,
    "GET /api/filter-lists/tables/": 3,
    "GET /api/filter-lists/{filter_list}/": 4,
    "PATCH /api/filter-lists/{filter_list}/": 8,
    "DELETE /api/filter-lists/{filter_list}/": 7,
    "GET /api/filter-groups/?table=worktime": 6,
    "POST /api/filter-groups/": 8,
    "PATCH /api/filter-groups/{filter_group}/": 7,
    "DELETE /api/filter-groups/{filter_group}/": 8,
    "GET /api/table-settings/worktime/": 6,
    "PUT /api/table-settings/worktime/": 7,
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
