"""The read-through cache in front of the ORM; docs/caches.md has the rules and their reasons.

    people = Cache("people", load=load_person, facts=lambda id: [f"person:{id}"], ttl=300)
    people.get(7)          # from Redis, or loaded once for all who ask
    changed("person:7")    # in the transaction of a write: entries made from it fall

Knows no app and no table. Nothing here fails because Redis is away: then every get loads.
"""

from config.cache.facts import EVERYTHING, changed
from config.cache.freshness import Scope, scope
from config.cache.reads import Cache, depends_on, prefetch, stats

__all__ = [
    "EVERYTHING",
    "Cache",
    "Scope",
    "changed",
    "depends_on",
    "prefetch",
    "scope",
    "stats",
]
