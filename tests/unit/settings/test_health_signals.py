"""Health signals with objectives in the configuration: what is read, shown, and wrong."""

from pathlib import Path

import jsonschema
import pytest

from coral.config import HealthSignal
from coral.settings import SettingsError, as_toml, load
from coral.settings.load import Loaded
from coral.settings.schema import json_schema

FILE = """[systems.shop]
kpi = [
  "web:latency",
  {name = "web:latency", above = 1, for = "2m"},
  {name = "web:success", below = 0.99, rows = 3, of = 5},
  {name = "web:errors", target = 0.999, windows_s = [1800, 60]},
  {name = "web:failed", total = "web:all", target = 0.99},
]
"""


def loaded(tmp_path: Path, text: str) -> Loaded:
    file = tmp_path / "coral.toml"
    file.write_text(text)
    return load(file)


def test_names_and_tables_can_be_mixed(tmp_path: Path) -> None:
    """Every user of names sees names."""
    shop = loaded(tmp_path, FILE).settings.system("shop")

    assert ("web:latency", "web:success", "web:errors", "web:failed") == shop.health_names
    assert shop.objectives == (
        HealthSignal(name="web:latency", above=1.0, for_="2m"),
        HealthSignal(name="web:success", below=0.99, rows=3, of=5),
        HealthSignal(name="web:errors", target=0.999, burn_rate=14.4, windows_s=(1800.0, 60.0)),
        *(
            HealthSignal(
                name="web:failed", total="web:all", target=0.99, burn_rate=rate, windows_s=windows
            )
            for rate, windows in ((14.4, (3600.0, 300.0)), (6.0, (21_600.0, 1800.0)))
        ),
    )


def test_a_variable_and_a_flag_take_json() -> None:
    """As lists and tables do everywhere."""
    text = '[{"name": "a:x", "above": 3}, "b:y"]'
    variable = load(None, {"CORAL_SYSTEMS__A__KPI": text}).settings.system("a")
    flag = load(None, {}, [f"systems.a.kpi={text}"]).settings.system("a")

    assert (HealthSignal(name="a:x", above=3.0), "b:y") == variable.kpi
    assert variable == flag


def test_what_is_printed_can_be_read(tmp_path: Path) -> None:
    """Objectives as well."""
    found = loaded(tmp_path, FILE)
    for effective in (True, False):
        assert found.settings == loaded(tmp_path, as_toml(found, effective=effective)).settings


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (
            "{name = 'a:x'}",
            (
                "[0]: one of `above`, `below` and `target` expected (without any write the name "
                "alone), got {'name': 'a:x'}"
            ),
        ),
        (
            "'b:y', {name = 'a:x', above = 1, below = 2}",
            (
                "[1]: one of `above`, `below` and `target` expected (without any write the name "
                "alone), got {'name': 'a:x', 'above': 1.0, 'below': 2.0}"
            ),
        ),
        (
            "{name = 'a:x', abov = 1}",
            "[0].abov: known key expected, got `abov`; did you mean `above`?",
        ),
        ("{above = 1}", "[0].name: non-empty text expected, got nothing"),
        ("3", "[0]: non-empty text or table expected, got 3"),
        (
            "{name = 'a', above = 1}",
            "[0]: name of the form <entity>:<metric> expected, got {'name': 'a', 'above': 1.0}",
        ),
        ("{name = 'a:x', above = '1'}", "[0].above: number expected, got '1'"),
        (
            "{name = 'a:x', above = inf}",
            "[0]: finite number expected as `above`, got {'name': 'a:x', 'above': inf}",
        ),
        (
            "{name = 'a:x', below = nan}",
            "[0]: finite number expected as `below`, got {'name': 'a:x', 'below': nan}",
        ),
        (
            "{name = 'a:x', above = 1, for = 120}",
            "[0].for: length of time such as 90s, 2m, 1h30m expected, got 120",
        ),
        (
            "{name = 'a:x', above = 1, for = '-2m'}",
            "[0].for: length of time such as 90s, 2m, 1h30m expected, got '-2m'",
        ),
        (
            "{name = 'a:x', above = 1, for_s = 120}",
            "[0].for_s: known key expected, got `for_s`; did you mean `for`?",
        ),
        (
            "{name = 'a:x', above = 1, rows = 3}",
            (
                "[0]: `rows` of at most `of` expected (raise `of` or lower `rows`), "
                "got {'name': 'a:x', 'above': 1.0, 'rows': 3}"
            ),
        ),
        (
            "{name = 'a:x', above = 1, rows = 0, of = 5}",
            "[0].rows: integer >= 1 and <= 1000 expected, got 0",
        ),
        (
            "{name = 'a:x', above = 1, for = '9s', of = 5}",
            (
                "[0]: `for`, or `rows` and `of`, expected (leave one out), "
                "got {'name': 'a:x', 'above': 1.0, 'for': '9s', 'of': 5}"
            ),
        ),
        ("{name = 'a:x', target = 1}", "[0].target: number > 0 and < 1 expected, got 1"),
        (
            "{name = 'a:x', target = 0.9}",
            (
                "[0]: `burn_rate` < 10 expected with this `target` (no ratio exceeds 1), "
                "got {'name': 'a:x', 'target': 0.9}"
            ),
        ),
        (
            "{name = 'a:x', target = 0.99, windows_s = [60, 600]}",
            (
                "[0]: the longer window first expected in `windows_s`, "
                "got {'name': 'a:x', 'target': 0.99, 'windows_s': [60.0, 600.0]}"
            ),
        ),
        (
            "{name = 'a:x', target = 0.99, windows_s = [60]}",
            "[0].windows_s: [number, number] expected, got [60]",
        ),
        (
            "{name = 'a:x', target = 0.99, windows_s = [60, 0]}",
            "[0].windows_s[1]: number > 0 expected, got 0",
        ),
        (
            "{name = 'a:x', target = 0.99, windows_s = [inf, 60]}",
            (
                "[0]: finite number expected as `windows_s[0]`, "
                "got {'name': 'a:x', 'target': 0.99, 'windows_s': [inf, 60.0]}"
            ),
        ),
        (
            "{name = 'a:x', target = 0.99, for = '1m'}",
            (
                "[0]: no `for` expected beside `target` (leave it out), "
                "got {'name': 'a:x', 'for': '1m', 'target': 0.99}"
            ),
        ),
        (
            "{name = 'a:x', above = 1, burn_rate = 2}",
            (
                "[0]: no `burn_rate` expected beside `above` (leave it out), "
                "got {'name': 'a:x', 'above': 1.0, 'burn_rate': 2.0}"
            ),
        ),
        (
            "{name = 'a:x', good = 'a:ok', target = 0.99}",
            (
                "[0]: `total` expected beside `good`, "
                "got {'name': 'a:x', 'target': 0.99, 'good': 'a:ok'}"
            ),
        ),
        (
            "{name = 'a:x', total = 'a:x', target = 0.99}",
            (
                "[0]: another series than that of all requests expected to count some of them, "
                "got {'name': 'a:x', 'target': 0.99, 'total': 'a:x'}"
            ),
        ),
        (
            "{name = 'a:x', total = 'all', target = 0.99}",
            (
                "[0]: `total`: name of the form <entity>:<metric> expected, "
                "got {'name': 'a:x', 'target': 0.99, 'total': 'all'}"
            ),
        ),
        (
            "{name = 'a:x', total = 'a:y', above = 1}",
            (
                "[0]: no `total` expected beside `above` (leave it out), "
                "got {'name': 'a:x', 'above': 1.0, 'total': 'a:y'}"
            ),
        ),
        ("'a:x', 'a:x'", "[1]: every health signal once expected (remove one), got 'a:x'"),
        (
            "{name = 'a:x', above = 1}, {name = 'a:x', above = 1.0}",
            (
                "[1]: every health signal once expected (remove one), "
                "got {'name': 'a:x', 'above': 1.0}"
            ),
        ),
    ],
)
def test_problems_name_place_rule_value_and_what_to_do(
    tmp_path: Path, items: str, expected: str
) -> None:
    """One problem, at the entry or at the key inside of it."""
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, f"[systems.shop]\nkpi = [{items}]")

    assert f"coral.toml:systems.shop.kpi{expected}" == str(caught.value)


def test_all_that_is_wrong_in_an_entry_is_told_at_once(tmp_path: Path) -> None:
    """Each at its own place."""
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, "[systems.a]\nkpi = [{name = 'a:x', above = 'x', fro = 3, of = 2.5}]")

    places = [problem.place for problem in caught.value.problems]
    assert [f"coral.toml:systems.a.kpi[0].{key}" for key in ("above", "of", "fro")] == places


def test_the_schema_knows_the_tables() -> None:
    """An editor tells a typo."""
    validator = jsonschema.Draft202012Validator(json_schema())
    right = {"systems": {"a": {"kpi": ["a:x", {"name": "a:x", "above": 1}]}}}
    wrong = {"systems": {"a": {"kpi": [{"name": "a:x", "abov": 1}]}}}

    assert validator.is_valid(right)
    assert not validator.is_valid(wrong)
