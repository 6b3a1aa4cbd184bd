"""1,000 connections whose bodies never come hold nobody up."""

import pytest

from tests.drills import bodies


@pytest.mark.drill
def test_bodies_that_never_come() -> None:
    assert bodies.run(1000).broken(1000) == []
