"""What a benchmark adds to each request: other work, slow queries, the old system's retries."""

import os
import random
import time
from collections.abc import Callable
from typing import Final

from django.db import Error, connection
from django.http import HttpRequest
from django.http.response import HttpResponseBase

GetResponse = Callable[[HttpRequest], HttpResponseBase]

# Seconds that a request spends elsewhere: rendering, another service.
OTHER_WORK: Final = float(os.environ.get("BENCH_OTHER_WORK", "0.02"))
SLOW_SHARE: Final = 0.1
SLOW_QUERY: Final = 0.05
OLD_ATTEMPTS: Final = 3


class OtherWork:
    """Spends time outside the database, and in some requests more inside it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if random.random() < SLOW_SHARE:
            try:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_sleep(%s)", [SLOW_QUERY])
            except Error:
                return response
        time.sleep(OTHER_WORK)
        return response


class RetriedReads:
    """Repeats a read that the pool refused, as the old system did."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        for _ in range(OLD_ATTEMPTS - 1):
            response = self.get_response(request)
            if response.status_code != 503:
                return response
        return self.get_response(request)
