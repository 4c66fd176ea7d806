"""A second configuration over the same rows: what it says is shown, and never published."""

from collections.abc import MutableMapping
from pathlib import Path
from typing import Any

import pytest
from makers import NAMES, ONSET, shop_rows, unfelt_rows
from served import World, served, settings_of
from typed import there

from coral.cli.main import main
from coral.engine import Engine
from coral.errors import Exit
from coral.settings import Settings, SettingsError
from coral.settings.shadow import load_shadow

INCIDENTS = "coral.incidents.v1"


def second_of(home: Path, text: str) -> Settings:
    """The configuration of the tests, and something over it."""
    settings_of(home)
    over = home / "second.toml"
    over.write_text(text)
    return load_shadow(over, home / "coral.toml")


def shop(home: Path, shadow: Settings | None, rows: Any) -> World:
    """A shop that was read to the end."""
    world = World(home, settings_of(home), shadow=shadow)
    world.put("shop", NAMES, rows)
    world.read()
    return world


def test_the_same_configuration_agrees(tmp_path: Path) -> None:
    """And nothing more is published than without it."""
    alone, both = tmp_path / "alone", tmp_path / "both"
    alone.mkdir()
    both.mkdir()
    without = shop(alone, None, shop_rows())
    world = shop(both, second_of(both, ""), shop_rows())
    with served(world.board) as ask, served(without.board) as other:
        (found,) = ask("/api/v1/shadow").json["systems"]
        assert {"systems": []} == other("/api/v1/shadow").json
        (brief,) = ask("/api/v1/incidents").json["incidents"]

    assert [(one.key, one.value) for one in without.broker.records(INCIDENTS)] == [
        (one.key, one.value) for one in world.broker.records(INCIDENTS)
    ]
    assert (1, 0, 0, 0) == counts(found)
    (pair,) = found["pairs"]
    assert brief == pair["main"]
    assert brief == pair["shadow"]
    assert ([], 0.0) == (pair["differs"], pair["later_s"])
    assert "2023-11-14T22:13:20Z" == found["since"]


def counts(found: dict[str, Any]) -> tuple[int, ...]:
    return tuple(found[key] for key in ("agreed", "differed", "main_only", "shadow_only"))


def test_another_configuration_differs(
    tmp_path: Path, logged: list[MutableMapping[str, Any]]
) -> None:
    """Without health signals everything is an incident; it is logged as the shadow's."""
    world = shop(tmp_path, second_of(tmp_path, '[systems."*"]\nkpi = []\n'), unfelt_rows())
    (found,) = world.board.shadow.systems
    (pair,) = found.pairs

    assert (0, 1, 0, 0) == (found.agreed, found.differed, found.main_only, found.shadow_only)
    assert "kind" in pair.differs
    assert ("change", "incident") == (there(pair.main).kind, there(pair.shadow).kind)
    assert there(pair.main).incident != there(pair.shadow).incident
    told = {line["event"]: line for line in logged if "shadow" in line["event"]}
    assert "shop" == told["shadow_opened"]["system"]


def end(world: World) -> None:
    """Store everything, and leave the group."""
    world.daemon.run(lambda: True)
    world.source.close()


def test_it_goes_on_after_a_restart(tmp_path: Path) -> None:
    """With what it had learned, and what it had compared; another one begins where main stands."""
    second = second_of(tmp_path, "[engine]\nfalse_alarms_per_week = 2.0\n")
    world = shop(tmp_path, second, shop_rows(rows=ONSET - 20))
    end(world)
    (before,) = world.board.shadow.systems
    again = World(tmp_path, settings_of(tmp_path), world.clock, world.broker, shadow=second)
    again.put("shop", NAMES, shop_rows()[ONSET - 20 :], first=ONSET - 20)
    again.read()
    (after,) = again.board.shadow.systems
    end(again)

    assert (before.since, before.config) == (after.since, after.config)
    assert 1 == len(after.pairs)
    third = second_of(tmp_path, "[engine]\nfalse_alarms_per_week = 3.0\n")
    world = World(tmp_path, settings_of(tmp_path), world.clock, world.broker, shadow=third)
    world.put("shop", NAMES, shop_rows(rows=300)[280:], first=280)
    world.read()
    (anew,) = world.board.shadow.systems
    assert after.config != anew.config
    assert "2023-11-14T22:18:00Z" == anew.since
    (pair,) = anew.pairs  # what was open in main is open here
    assert there(pair.main).onset == there(pair.shadow).onset


def test_a_defect_in_it_ends_it_alone(
    tmp_path: Path, logged: list[MutableMapping[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The main configuration goes on as if it were not there."""
    step = Engine.step

    def broken(engine: Engine, frame: Any) -> Any:
        if engine.config.false_alarms_per_week == 2.0 and frame.time >= 1_700_000_100.0:
            raise ArithmeticError(frame.time)
        return step(engine, frame)

    monkeypatch.setattr(Engine, "step", broken)
    second = second_of(tmp_path, "[engine]\nfalse_alarms_per_week = 2.0\n")
    world = shop(tmp_path, second, shop_rows())

    assert [] == world.board.shadow.systems
    assert 1 == [line["event"] for line in logged].count("shadow_failed")
    assert world.board.incidents.briefs()
    assert len(world.broker.records(INCIDENTS)) > 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[http]\nport = 1\n", "second.toml:http.port: what the main configuration has expected"),
        ('[systems."*"]\ninterval_s = 5\n', 'second.toml:systems."*".interval_s: what the main'),
        ("[systems.shop]\ninterval_s = 5\n", "second.toml:systems.shop.interval_s: what the main"),
        ("[engine]\nfalse_alarms = 1\n", "second.toml:engine.false_alarms"),
    ],
)
def test_what_makes_the_rows_is_the_main_configuration(
    tmp_path: Path, text: str, told: str
) -> None:
    """Anything else is refused by its place, before anything is started."""
    with pytest.raises(SettingsError) as caught:
        second_of(tmp_path, text)
    assert told in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Ends the start with the reason."""
    settings_of(tmp_path)
    config, missing = tmp_path / "coral.toml", tmp_path / "none.toml"
    assert Exit.INVALID == main(["run", "--config", str(config), "--shadow", str(missing)])
    assert f"{missing}: file that can be read expected" in capsys.readouterr().err
