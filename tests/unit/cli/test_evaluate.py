"""`coral evaluate` as a user calls it."""

import json
from pathlib import Path

import pytest
from makers import shop_rows, write_recording

from coral import __version__
from coral.cli.main import main
from coral.errors import Exit


def test_evaluate_writes_the_scorecard(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The JSON has the documented fields, and every case in it."""
    shop = write_recording(tmp_path / "cases" / "shop", shop_rows())
    card_file = tmp_path / "card.json"
    arguments = ["evaluate", str(shop.parent), "--mode", "oracle", "--jobs", "1"]
    assert main([*arguments, "--json", str(card_file)]) == Exit.OK
    card = json.loads(card_file.read_text())
    assert card["version"] == __version__
    assert card["case_list"]["n"] == 1
    row = card["cases"][0]
    assert row["entities"][0] == "db"
    assert row["ac@1"] == row["avg@5"] == row["strict_ac@1"] == 1.0
    assert card["datasets"]["made"]["n"] == 1
    assert card["macro"]["ac@1"] == 1.0
    assert card["tiers"] == {row["tier"]: {"n": 1, "ac@1": 1.0}}
    assert "made" in capsys.readouterr().out


def test_evaluate_of_nothing_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A folder without recordings is a mistake of the user, not an empty table."""
    assert main(["evaluate", str(tmp_path)]) == Exit.FAILURE
    assert "no recorded incident" in capsys.readouterr().err
