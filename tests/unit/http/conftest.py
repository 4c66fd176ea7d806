"""The world that addresses are asked about."""

import pytest
from makers import NAMES, shop_rows
from served import START, World, settings_of

from coral.daemon.models import Models
from coral.daemon.questions import Questions
from coral.engine import Engine
from coral.http.tape import Recorded, Tape
from coral.settings import Settings
from streams.records import Frame


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
    world.board.recorded = (played(settings),)
    return world


def played(settings: Settings) -> Recorded:
    """The same shop as a recording that has been played."""
    config = settings.system("shop")
    engine, tape = Engine(config, settings.engine), Tape("as recorded", "7ad3befc125a", config)
    for t, row in enumerate(shop_rows()):
        frame = Frame("shop", START + t, NAMES, row)
        events = engine.step(frame)
        tape.note(frame, engine.phase, events, engine.trigger)
    return Recorded(0, "shop", config, 0, [tape])
