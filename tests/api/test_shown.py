"""What answers show by serializers that are made once: the same as by ones made each time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from rest_framework import serializers

from config.api.serializers import all_shown, shown


class PlaceSerializer(serializers.Serializer[object]):
    """A place."""

    name = serializers.CharField()


class VisitSerializer(serializers.Serializer[object]):
    """Somebody at a place."""

    person = serializers.CharField(source="who")
    place = PlaceSerializer(allow_null=True)
    others = PlaceSerializer(many=True)
    is_long = serializers.SerializerMethodField()

    def get_is_long(self, visit: dict[str, Any]) -> bool:
        """Return whether they were at many places."""
        return len(visit["others"]) > 1


def visit(number: int) -> dict[str, Any]:
    """Return one that differs from all others, in its shape too."""
    place = {"name": f"place {number}"} if number % 3 else None
    others = [{"name": f"{number} {n}"} for n in range(number % 4)]
    return {"who": f"person {number}", "place": place, "others": others}


def test_it_is_what_the_serializer_shows() -> None:
    for number in range(12):
        assert shown(VisitSerializer, visit(number)) == VisitSerializer(visit(number)).data
    visits = [visit(number) for number in range(12)]
    shown_all: Any = all_shown(VisitSerializer, visits)
    assert shown_all == VisitSerializer(visits, many=True).data


def test_threads_that_show_the_first_value_at_once_do_not_meet() -> None:
    class FreshSerializer(VisitSerializer):
        """One that was not made yet."""

    gate = Barrier(8, timeout=20)

    def show(number: int) -> list[bool]:
        gate.wait()
        return [
            shown(FreshSerializer, visit(n)) == VisitSerializer(visit(n)).data
            for n in range(number, number + 50)
        ]

    with ThreadPoolExecutor(8) as pool:
        assert all(all(each) for each in pool.map(show, range(8)))


def test_what_is_shown_is_the_callers_own() -> None:
    first = shown(VisitSerializer, visit(1))
    first["person"] = "changed"
    assert shown(VisitSerializer, visit(1))["person"] == "person 1"
