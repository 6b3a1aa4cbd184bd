"""What filters cost over a million records of one organisation, and which index they go by.

Each is asked for by a lead, who sees all, as a page of 50 in the list's own order. A filter that
ends neither in rows nor in a 503 of its own kind stops the program; one that reads the whole table
is named, with exit code 1.
"""

import argparse
import http.client
import json
import statistics
import time
from typing import Any, Final
from urllib.parse import urlencode

import psycopg

from tests.bench import report
from tests.bench.growth import PEOPLE, fill
from tests.bench.site import Site

# What people ask, what finds nothing and so looks at everything, and the most that is accepted.
FILTERS: Final[dict[str, tuple[list[tuple[str, str, Any]], str]]] = {
    "no filter": ([], "AND"),
    "this week": ([("started_at", "equals", "@this_week")], "AND"),
    "running": ([("ended_at", "is_empty", None)], "AND"),
    "a day long ago": ([("started_at", "equals", "@today-700")], "AND"),
    "someone's month": (
        [("user", "equals", 0), ("started_at", "equals", "@last_month")],
        "AND",
    ),
    "people of a role": ([("role", "equals", "@my_role")], "AND"),
    "text that is nowhere": ([("notes", "contains", "nowhere")], "AND"),
    "no duration": ([("duration_seconds", "after", 90_000)], "AND"),
    "50 texts, OR": ([("notes", "contains", f"nowhere {n}") for n in range(50)], "OR"),
    "50 roles and branches, OR": (
        [(("role", "branch")[n % 2], "equals", 2**40 + n) for n in range(50)],
        "OR",
    ),
    "16 KiB of ids, OR": (
        [("user", "in", [2**33 + n * 30 + each for each in range(30)]) for n in range(32)],
        "OR",
    ),
}


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="./run bench filters", description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    with Site(people=PEOPLE) as site:
        with psycopg.connect(**site.postgres.params("stechuhr"), autocommit=True) as big:
            big.execute("DELETE FROM worktime_worktime")
            fill(big, first=0, last=options.records // PEOPLE - 1)
            big.execute("VACUUM ANALYZE")
        rows = _measured(site, options.rounds)
    report.show("filters", vars(options), rows)
    scanned = [row["variant"] for row in rows if "all of worktime_worktime" in row["by"]]
    if scanned:
        print("Not by an index of the scope:", ", ".join(scanned))
    return 1 if scanned else 0


def _measured(site: Site, rounds: int) -> list[dict[str, Any]]:
    from accounts.models import User
    from tests.bench.people import session_of

    cookie = session_of(User.objects.get(username="bob"))
    with site.serving({"WEB_WORKERS": "1", "WEB_THREADS": "2"}) as port:
        return [_measure(port, cookie, name, rounds) for name in FILTERS]


def _document(name: str) -> dict[str, Any]:
    from accounts.models import User

    conditions, connector = FILTERS[name]
    someone = User.objects.get(username="bench-0").id
    return {
        "conditions": [
            {"column": column, "operator": operator, "value": value or someone}
            if operator != "is_empty"
            else {"column": column, "operator": operator}
            for column, operator, value in conditions
        ],
        "operators": [connector] * max(0, len(conditions) - 1),
    }


def _measure(port: int, cookie: str, name: str, rounds: int) -> dict[str, Any]:
    document = _document(name)
    path = "/api/worktime/?" + urlencode(
        {"conditions": json.dumps(document, separators=(",", ":"))}
    )
    times, seen, found = [], set(), 0
    for _ in range(rounds):
        began = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers={"Cookie": f"sessionid={cookie}"})
        response = connection.getresponse()
        body = json.loads(response.read())
        times.append(time.perf_counter() - began)
        status, code = response.status, body.get("code")
        assert status == 200 or (status, code) == (503, "statement_timeout"), body
        seen.add(f"{status} {code or ''}".strip())
        found = len(body.get("results", ()))
        connection.close()
    return {
        "variant": name,
        "answers": ", ".join(sorted(seen)),
        "rows": found,
        "median ms": 1000 * statistics.median(times),
        "worst ms": 1000 * max(times),
        "by": _index(document),
    }


def _index(document: dict[str, Any]) -> str:
    """Return the index that the page's plan starts from."""
    from accounts.cache import load_person
    from accounts.models import User
    from config.api.tables import parse_filter
    from filterlists.cache import asker_of
    from worktime.tables import WORKTIME

    person = load_person(User.objects.get(username="bob").id)
    asker = asker_of(person)
    wanted = parse_filter(WORKTIME, **document, asker=asker).q(asker)
    page = WORKTIME.visible(person).filter(wanted).order_by("-started_at", "-id")[:51]
    [plan] = json.loads(page.explain(format="json"))
    return ", ".join(sorted(_scans(plan["Plan"])))


def _scans(node: dict[str, Any]) -> set[str]:
    own = {node["Index Name"]} if "Index Name" in node else set()
    if node["Node Type"] == "Seq Scan":
        own = {f"all of {node['Relation Name']}"}
    return own.union(*(_scans(each) for each in node.get("Plans", ())))
