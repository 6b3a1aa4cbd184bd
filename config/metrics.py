"""The figures of all workers of this machine, for Prometheus and for operators."""

import hmac
from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from django.conf import settings
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector

from config.api.exceptions import problem_response
from config.cache import figures
from config.db import stats
from config.db.gate import BUCKETS

GAUGES: Final = {
    "size": "Connections that the workers may have.",
    "reserve": "Connections among them that reads never use.",
    "idle": "Connections at rest.",
    "in_use": "Connections in use.",
    "away": "Workers that cannot reach the server.",
    "longest": "Seconds since the connection that is out for longest was taken.",
}
COUNTERS: Final = {
    "opened": "Connections opened.",
    "lost": "Connections that broke.",
    "retried": "Writes run again.",
    "resolved": "Commits whose lost answer was learned.",
}
FLOW_COUNTERS: Final = {"admitted": "Checkouts.", "refused": "Checkouts refused."}
FLOW_HISTOGRAMS: Final = {
    "waited": "Seconds that a checkout waited, of those that had to.",
    "held": "Seconds that a connection was held.",
}
CACHE_COUNTERS: Final = {
    "hits": "Reads answered from the cache.",
    "misses": "Reads that were not.",
    "loads": "Values made from the database.",
    "waits": "Reads that waited for another thread's load.",
    "stale": "Reads answered from an aged entry, because the database was short.",
    "direct": "Loads inside transactions, which no cache serves.",
    "not_kept": "Values that could not be kept.",
}
REDIS_GAUGES: Final = {
    "away": "Workers that cannot reach Redis.",
    "owed": "Bumps that Redis does not know of yet.",
}


class DatabaseCollector(Collector):
    """What `config.db` counts, by alias and intent."""

    def collect(self) -> Iterator[Metric]:
        """Yield one family for each figure."""
        totals = stats.collect(settings.VAR_DIR / "dbpool")
        for name, text in GAUGES.items():
            gauge = GaugeMetricFamily(f"stechuhr_db_{name}", text, labels=["alias"])
            for alias, total in totals.items():
                gauge.add_metric([alias], getattr(total, name))
            yield gauge
        for name, text in COUNTERS.items():
            counter = CounterMetricFamily(f"stechuhr_db_{name}", text, labels=["alias"])
            for alias, total in totals.items():
                counter.add_metric([alias], getattr(total, name))
            yield counter
        flows = {
            (alias, intent): getattr(total, intent)
            for alias, total in totals.items()
            for intent in ("read", "write")
        }
        for name, text in FLOW_COUNTERS.items():
            counter = CounterMetricFamily(f"stechuhr_db_{name}", text, labels=["alias", "intent"])
            for labels, flow in flows.items():
                counter.add_metric(labels, getattr(flow, name))
            yield counter
        for name, text in FLOW_HISTOGRAMS.items():
            histogram = HistogramMetricFamily(
                f"stechuhr_db_{name}_seconds", text, labels=["alias", "intent"]
            )
            bounds = [*map(str, BUCKETS), "+Inf"]
            for labels, flow in flows.items():
                counts = accumulate(getattr(flow, name))
                histogram.add_metric(
                    labels,
                    buckets=list(zip(bounds, counts, strict=True)),
                    sum_value=getattr(flow, f"{name}_seconds"),
                )
            yield histogram


class CacheCollector(Collector):
    """What `config.cache` counts, by cache."""

    def collect(self) -> Iterator[Metric]:
        """Yield one family for each figure."""
        totals = figures.collect(settings.VAR_DIR / "dbpool")
        for name, text in CACHE_COUNTERS.items():
            counter = CounterMetricFamily(f"stechuhr_cache_{name}", text, labels=["cache"])
            for cache, counts in totals.caches.items():
                counter.add_metric([cache], counts[name])
            yield counter
        for name, text in REDIS_GAUGES.items():
            yield GaugeMetricFamily(f"stechuhr_redis_{name}", text, getattr(totals, name))
        yield CounterMetricFamily(
            "stechuhr_redis_failures", "Connections to Redis that failed.", totals.failures
        )


registry = CollectorRegistry()
registry.register(DatabaseCollector())
registry.register(CacheCollector())


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer in Prometheus' exposition format, to operators and to bearers of METRICS_TOKEN."""
    if not _may_see(request):
        return problem_response(request, 403, "permission_denied", "You may not see the metrics.")
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _may_see(request: HttpRequest) -> bool:
    if token := settings.METRICS_TOKEN:
        given = request.headers.get("Authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
            return True
    return admin.site.has_permission(request)


@require_safe
@never_cache
def database(request: HttpRequest) -> HttpResponse:
    """Show operators the pools of all workers, with who holds a connection for longest."""
    totals = stats.collect(settings.VAR_DIR / "dbpool")
    context = {**admin.site.each_context(request), "title": "Database", "totals": totals}
    return render(request, "config/database.html", context)
