"""`coral evaluate` as a user calls it."""

import gzip
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


def test_evaluate_says_what_was_not_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line a kind of trouble, with the number of cases and one of them."""
    for name in ("a", "b"):
        shop = write_recording(tmp_path / "cases" / name, shop_rows())
        file = shop / "metrics.csv.gz"
        lines = gzip.decompress(file.read_bytes()).decode().splitlines()
        lines[5] = lines[5].replace(lines[5].split(",")[1], "oops", 1)
        file.write_bytes(gzip.compress("\n".join(lines).encode()))
    card_file = tmp_path / "card.json"
    arguments = ["evaluate", str(tmp_path / "cases"), "--mode", "oracle", "--jobs", "1"]
    assert main([*arguments, "--json", str(card_file)]) == Exit.OK
    warning = json.loads(card_file.read_text())["warnings"]["cell"]

    assert 2 == warning["n"]
    assert "oops" in warning["text"]
    assert "2 cases, e.g. " in " ".join(capsys.readouterr().out.split())
