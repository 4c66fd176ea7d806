"""Detectors of river in the configuration: file, variable, messages, and what is shown again."""

import json
import re
import tomllib
from pathlib import Path

import jsonschema
import pytest
from typed import there

from coral.config import EngineConfig
from coral.errors import ConfigError
from coral.settings import SettingsError, as_toml, load
from coral.settings.load import Loaded
from coral.settings.schema import SCHEMA

ROOT = Path(__file__).parents[3]
GUIDE = (ROOT / "docs" / "howto" / "river-detectors.md").read_text()
EXAMPLE = there(re.search(r"<!-- river-toml -->\n```toml\n(.*?)```", GUIDE, re.DOTALL))[1]
FEW = "[limits]\nmax_series = 300\n"


def loaded(tmp_path: Path, text: str, environment: dict[str, str] | None = None) -> Loaded:
    file = tmp_path / "coral.toml"
    file.write_text(text)
    return load(file, environment or {})


def problems(tmp_path: Path, text: str, environment: None = None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, text, environment)
    return [str(problem) for problem in caught.value.problems]


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    """It is taken as it stands, follows the schema, and is shown as TOML that loads again."""
    found = loaded(tmp_path, EXAMPLE)
    assert found.settings.engine.statistics == (
        "river.drift.ADWIN",
        "river.anomaly.HalfSpaceTrees",
        {"class": "river.drift.PageHinkley", "delta": 0.5},
    )
    jsonschema.validate(tomllib.loads(EXAMPLE), json.loads(SCHEMA.read_text()))
    for effective in (False, True):
        again = loaded(tmp_path, as_toml(found, effective=effective))
        assert again.settings == found.settings


@pytest.mark.parametrize(
    "text",
    [
        "river.drift.KSWIN,river.anomaly.HalfSpaceTrees",
        '[{"class": "river.drift.KSWIN", "alpha": 0.001}, "river.anomaly.HalfSpaceTrees"]',
    ],
)
def test_by_variable(tmp_path: Path, text: str) -> None:
    """Names with commas between them, or JSON."""
    found = loaded(tmp_path, FEW, {"CORAL_ENGINE__STATISTICS": text}).settings.engine.statistics
    names = [one if isinstance(one, str) else one["class"] for one in found]
    assert names == ["river.drift.KSWIN", "river.anomaly.HalfSpaceTrees"]


def test_a_wrong_one_is_told_with_its_place(tmp_path: Path) -> None:
    """Place, rule, value, and what was meant."""
    (told,) = problems(tmp_path, FEW + "[engine]\nstatistics = ['river.drift.KSWINN']")
    assert told.startswith("coral.toml:engine.statistics[0]: a class out of river.anomaly.HalfSp")
    assert told.endswith(" expected (did you mean `river.drift.KSWIN`?), got 'river.drift.KSWINN'")

    text = (
        FEW + "[engine]\nstatistics = [{class = 'river.drift.ADWIN', delta = 'small'}, 'os.system']"
    )
    first, second = problems(tmp_path, text)
    assert first.startswith(
        "coral.toml:engine.statistics[0]: a number expected as delta of river.drift.ADWIN, got {"
    )
    assert second.startswith("coral.toml:engine.statistics[1]: a class out of river.anomaly.Half")

    (told,) = problems(tmp_path, "[engine]\nstatistics = [3]")
    assert told.startswith("coral.toml:engine.statistics[0]: ")


def test_more_series_than_it_can_watch(tmp_path: Path) -> None:
    """It is told when the daemon starts, not when the series come."""
    text = "[engine]\nstatistics = ['river.drift.ADWIN']"
    expected = (
        "coral.toml:limits.max_series: at most 1000 expected with `river.drift.ADWIN` in "
        "`engine.statistics`, got 5000"
    )
    assert problems(tmp_path, text) == [expected]
    assert loaded(tmp_path, "[engine]\nstatistics = ['river.anomaly.LODA']")


def test_in_python_as_in_the_file() -> None:
    """Who builds the engine by hand gets the same rules."""
    with pytest.raises(ConfigError, match=r"`statistics\[0\]`: a class out of"):
        EngineConfig(statistics=("river.drift.DDM",))
    assert EngineConfig().statistics == ()
