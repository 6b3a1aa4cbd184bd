"""Who may do what: one row for each route and method, one status for each caller.

Columns, in this order. `stranger` is the admin of another organisation; the three tokens are the
admin's, with one scope each.
"""

from dataclasses import dataclass, field
from typing import Any

ACTORS = (
    "anonymous",
    "stranger",
    "member",
    "lead",
    "admin",
    "inactive",
    "read",
    "write",
    "worktime:clock",
)


@dataclass(frozen=True)
class Row:
    """A request and its answers. `{user}` and the like stand for ids of the organisation."""

    method: str
    path: str
    statuses: str
    body: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def row(method: str, path: str, statuses: str, **body: Any) -> Row:
    return Row(method, path, statuses, body)


TIMES = {"started_at": "2026-03-03T08:00:00Z", "ended_at": "2026-03-03T12:00:00Z"}
NONE: dict[str, Any] = {"table": "worktime", "lists": []}
LOOK = {"column_order": ["notes"], "hidden_columns": [], "view_mode": "cards", "sort": ""}

TABLE = (
    # Pages and probes: everybody's.
    row("GET", "/", "200 200 200 200 200 200 200 200 200"),
    row("GET", "/livez", "200 200 200 200 200 200 200 200 200"),
    row("GET", "/readyz", "200 200 200 200 200 200 200 200 200"),
    row("GET", "/metrics", "403 403 403 403 403 403 403 403 403"),
    row("GET", "/admin/database/", "302 302 302 302 302 302 302 302 302"),
    row("GET", "/api/schema/", "200 200 200 200 200 200 200 200 200"),
    row("GET", "/api/docs/", "200 200 200 200 200 200 200 200 200"),
    row("GET", "/api/redoc/", "200 200 200 200 200 200 200 200 200"),
    # Oneself.
    row("GET", "/api/me/", "401 200 200 200 200 401 200 403 403"),
    row("GET", "/api/me/profile/", "401 200 200 200 200 401 200 403 403"),
    row("PATCH", "/api/me/profile/", "401 200 200 200 200 401 403 200 403", first_name="A"),
    row("GET", "/api/me/bank-details/", "401 200 200 200 200 401 200 403 403"),
    row("PUT", "/api/me/bank-details/", "401 200 200 200 200 401 403 200 403", bank_details="A"),
    row("GET", "/api/me/settings/", "401 200 200 200 200 401 200 403 403"),
    row("PATCH", "/api/me/settings/", "401 200 200 200 200 401 403 200 403", dark_mode=True),
    row("PUT", "/api/me/active-role/", "401 400 200 400 400 401 403 403 403", role="{role}"),
    row("PUT", "/api/me/active-branch/", "401 400 200 200 200 401 403 403 403", branch="{branch}"),
    row("GET", "/api/me/branches/", "401 200 200 200 200 401 200 403 403"),
    row("GET", "/api/page/", "401 200 200 200 200 401 200 403 403"),
    row("DELETE", "/api/me/sessions/", "401 204 204 204 204 401 403 403 403"),
    row("GET", "/api/tokens/", "401 200 200 200 200 401 403 403 403"),
    row("POST", "/api/tokens/", "401 201 201 201 201 401 403 403 403", name="x", scopes=["read"]),
    row("DELETE", "/api/tokens/{token}/", "401 404 404 404 204 401 403 403 403"),
    # People.
    row("GET", "/api/users/", "401 200 200 200 200 401 200 403 403"),
    row(
        "POST",
        "/api/users/",
        "401 400 403 403 201 401 403 201 403",
        username="n",
        email="n@example.org",
        roles=["{role}"],
    ),
    row("GET", "/api/users/{user}/", "401 404 200 200 200 401 200 403 403"),
    row("PATCH", "/api/users/{user}/", "401 404 200 403 200 401 403 200 403", first_name="A"),
    row("PUT", "/api/users/{user}/roles/", "401 404 200 403 200 401 403 200 403", roles=["{role}"]),
    row(
        "PUT",
        "/api/users/{user}/branches/",
        "401 404 403 403 200 401 403 200 403",
        branches=["{branch}"],
    ),
    # Roles.
    row("GET", "/api/roles/", "401 200 200 200 200 401 200 403 403"),
    row(
        "POST",
        "/api/roles/",
        "401 400 403 403 201 401 403 201 403",
        name="New",
        branches=["{branch}"],
    ),
    row("GET", "/api/roles/{role}/", "401 404 200 200 200 401 200 403 403"),
    row("PATCH", "/api/roles/{role}/", "401 404 403 403 200 401 403 200 403", description="x"),
    row("DELETE", "/api/roles/{spare_role}/", "401 404 403 403 204 401 403 204 403"),
    # Branches.
    row("GET", "/api/branches/", "401 200 200 200 200 401 200 403 403"),
    row("POST", "/api/branches/", "401 201 403 403 201 401 403 201 403", name="New"),
    row("GET", "/api/branches/{branch}/", "401 404 200 200 200 401 200 403 403"),
    row("PATCH", "/api/branches/{branch}/", "401 404 403 403 200 401 403 200 403", city="x"),
    row("DELETE", "/api/branches/{spare_branch}/", "401 404 403 403 204 401 403 204 403"),
    # The organisation.
    row(
        "POST",
        "/api/organizations/",
        "401 201 201 201 201 401 403 201 403",
        name="new",
        display_name="New",
    ),
    row("GET", "/api/organizations/search/?q=wind", "401 200 200 200 200 401 200 403 403"),
    row("GET", "/api/organizations/current/", "401 200 200 200 200 401 200 403 403"),
    row(
        "PATCH",
        "/api/organizations/current/",
        "401 200 403 403 200 401 403 200 403",
        display_name="x",
    ),
    row("GET", "/api/organizations/current/settings/", "401 200 403 403 200 401 200 403 403"),
    row(
        "PATCH",
        "/api/organizations/current/settings/",
        "401 200 403 403 200 401 403 200 403",
        week_start="sunday",
    ),
    row("GET", "/api/organizations/current/stats/", "401 200 200 200 200 401 200 403 403"),
    # Joining.
    row("GET", "/api/join-requests/", "401 200 200 200 200 401 200 403 403"),
    row(
        "POST",
        "/api/join-requests/",
        "401 201 409 409 409 401 403 409 403",
        organization="{organization}",
    ),
    row(
        "POST",
        "/api/join-requests/{join_request}/approve/",
        "401 404 404 403 200 401 403 200 403",
        role="{role}",
    ),
    row("POST", "/api/join-requests/{join_request}/reject/", "401 404 404 403 200 401 403 200 403"),
    row(
        "POST", "/api/join-requests/{join_request}/withdraw/", "401 404 404 403 403 401 403 403 403"
    ),
    row("GET", "/api/invitations/", "401 200 403 200 200 401 200 403 403"),
    row(
        "POST",
        "/api/invitations/",
        "401 400 403 201 201 401 403 201 403",
        email="x@example.org",
        role="{role}",
    ),
    row(
        "POST", "/api/invitations/accept/", "401 403 403 403 403 401 403 403 403", token="nordwind"
    ),
    row("POST", "/api/invitations/{invitation}/resend/", "401 404 403 404 200 401 403 200 403"),
    row("POST", "/api/invitations/{invitation}/revoke/", "401 404 403 404 200 401 403 200 403"),
    # Working time.
    row("GET", "/api/worktime/", "401 200 200 200 200 401 200 403 403"),
    row("POST", "/api/worktime/", "401 201 201 201 201 401 403 201 403", reason="x", **TIMES),
    row("GET", "/api/worktime/{worktime}/", "401 404 200 200 200 401 200 403 403"),
    row(
        "PATCH",
        "/api/worktime/{worktime}/",
        "401 404 200 200 200 401 403 200 403",
        notes="x",
        reason="x",
    ),
    row("DELETE", "/api/worktime/{worktime}/?reason=x", "401 404 204 204 204 401 403 204 403"),
    row("GET", "/api/worktime/{worktime}/revisions/", "401 404 200 200 200 401 200 403 403"),
    row("POST", "/api/worktime/start/", "401 201 201 201 201 401 403 201 201"),
    row("POST", "/api/worktime/stop/", "401 404 200 404 404 401 403 404 404"),
    row("GET", "/api/worktime/active/", "401 200 200 200 200 401 200 403 200"),
    row("GET", "/api/worktime/stats/?week=2026-W10", "401 200 200 200 200 401 200 403 403"),
    row("GET", "/api/worktime/export/?format=csv", "401 200 200 200 200 401 200 403 403"),
    row("GET", "/api/team-worktime/active/", "401 200 403 200 200 401 200 403 403"),
    row("POST", "/api/team-worktime/stop/", "401 404 403 200 200 401 403 200 403", user="{user}"),
    row(
        "PUT",
        "/api/team-worktime/overtime/",
        "401 404 403 200 200 401 403 200 403",
        user="{user}",
        date="2026-03-03",
        hours=1,
    ),
    # Filter lists.
    row("GET", "/api/filter-lists/?table=worktime", "401 200 200 200 200 401 200 403 403"),
    row(
        "POST",
        "/api/filter-lists/",
        "401 400 400 400 201 401 403 201 403",
        table="worktime",
        name="New",
        group="{filter_group}",
    ),
    row("POST", "/api/filter-lists/reorder/", "401 204 204 204 204 401 403 204 403", **NONE),
    row("GET", "/api/filter-lists/tables/", "401 200 200 200 200 401 200 403 403"),
    row("GET", "/api/filter-lists/{filter_list}/", "401 404 404 404 200 401 200 403 403"),
    row(
        "PATCH",
        "/api/filter-lists/{filter_list}/",
        "401 404 404 404 200 401 403 200 403",
        group="{filter_group}",
    ),
    row("DELETE", "/api/filter-lists/{filter_list}/", "401 404 404 404 204 401 403 204 403"),
    row("GET", "/api/filter-groups/?table=worktime", "401 200 200 200 200 401 200 403 403"),
    row(
        "POST",
        "/api/filter-groups/",
        "401 201 201 201 201 401 403 201 403",
        table="worktime",
        name="New",
    ),
    row(
        "PATCH",
        "/api/filter-groups/{filter_group}/",
        "401 404 404 404 200 401 403 200 403",
        name="x",
    ),
    row("DELETE", "/api/filter-groups/{filter_group}/", "401 404 404 404 204 401 403 204 403"),
    row("GET", "/api/table-settings/worktime/", "401 200 200 200 200 401 200 403 403"),
    row("PUT", "/api/table-settings/worktime/", "401 200 200 200 200 401 403 200 403", **LOOK),
)
