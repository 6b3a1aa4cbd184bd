"""The benchmarks' settings with one thing changed: what a variant compares with.

BENCH_DATABASE names the database backend: `ours`, or Django's own with its pool (`pool`), the
same with reads retried as the old system did (`retrying`), or without one (`age0`, `age60`).
"""

import os

from config import settings as product
from tests.bench import plain

globals().update({name: getattr(plain, name) for name in dir(plain) if name.isupper()})

MIDDLEWARE = ["tests.bench.work.OtherWork", *product.MIDDLEWARE]
DATABASES = {"default": dict(product.DATABASES["default"])}
_variant = os.environ.get("BENCH_DATABASE", "ours")
if _variant != "ours":
    DATABASES["default"] |= {"ENGINE": "tests.bench.stock", "OPTIONS": {}}
if _variant in {"pool", "retrying"}:
    _size = int(os.environ["BENCH_POOL_SIZE"])
    DATABASES["default"]["OPTIONS"] = {
        "pool": {
            "min_size": _size,
            "max_size": _size,
            # psycopg_pool's own default; the old system waited two seconds, three times.
            "timeout": 2 if _variant == "retrying" else 30,
        }
    }
if _variant == "retrying":
    MIDDLEWARE.insert(1, "tests.bench.work.RetriedReads")
if _variant == "age60":
    DATABASES["default"]["CONN_MAX_AGE"] = 60
