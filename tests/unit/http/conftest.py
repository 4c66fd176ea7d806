"""The world that addresses are asked about."""

import pytest
from makers import NAMES, shop_rows
from served import World, settings_of


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A shop whose database breaks in row 200, read to the end."""
    home = tmp_path_factory.mktemp("shop")
    world = World(home, settings_of(home))
    world.put("shop", NAMES, shop_rows())
    world.read()
    return world
