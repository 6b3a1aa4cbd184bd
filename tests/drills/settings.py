"""The benchmarks' settings with a route that holds a connection.

DRILL_BREAK names the parts that `tests.drills.sabotage` replaces by broken ones.
"""

from config import settings as product
from tests.bench import plain

globals().update({name: getattr(plain, name) for name in dir(plain) if name.isupper()})

INSTALLED_APPS = [*product.INSTALLED_APPS, "tests.drills.sabotage.Sabotage"]
ROOT_URLCONF = "tests.drills.urls"
