"""The world that addresses are asked about."""

import pytest
from makers import NAMES, shop_rows
from served import World, settings_of

from coral.daemon.models import Models
from coral.daemon.questions import Questions


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A shop whose database breaks in row 200, read to the end."""
    home = tmp_path_factory.mktemp("shop")
    settings = settings_of(home)
    world = World(home, settings, alerts=True)
    questions = Questions(settings, patience_s=0.01)  # nobody runs the loop meanwhile
    world.board.answer, world.board.model = questions, Models(questions, lambda _: ())
    world.put("shop", NAMES, shop_rows())
    world.read()
    return world
