"""The short form of `./run bench contract`."""

import pytest
from schemathesis import GenerationMode

from config.api.throttles import Throttle
from tests.api.contract import explore, operations
from tests.api.world import World, make_world
from tests.conftest import Api

EXAMPLES = 3  # of each operation and kind
SEED = 1


@pytest.fixture
def world(db: None) -> World:
    return make_world("nordwind")


@pytest.mark.parametrize("who", ["admin", "member"])
def test_answers_keep_to_the_schema(
    world: World, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    monkeypatch.setattr(Throttle, "allow_request", lambda *args: True)
    wrong = [
        text
        for operation in operations().values()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
        for text in explore(
            operation, mode, Api(getattr(world, who)), world.ids, examples=EXAMPLES, seed=SEED
        )
    ]
    assert not wrong, "\n\n".join(wrong)
