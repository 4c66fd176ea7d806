"""One Chromium for the tests of a worker, and a shop that has broken."""

import json
from collections.abc import Iterator

import pytest
from browsers import chromium
from makers import EDGES, NAMES, shop_rows
from playwright.sync_api import Browser
from served import World, settings_of


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A shop whose database breaks in row 200, read to the end."""
    home = tmp_path_factory.mktemp("shop")
    edges = json.dumps([list(edge) for edge in EDGES])
    world = World(home, settings_of(home, flags=[f'systems."*".edges={edges}']))
    world.put("shop", NAMES, shop_rows())
    world.read()
    return world
