"""`coral demo` as a user calls it."""

from pathlib import Path

import pytest

from coral.cli.main import main
from coral.contract.events import decode
from coral.errors import Exit


def test_demo_finds_the_real_cause_of_a_real_incident(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bundled incident goes through the in-memory broker until it has settled or ended."""
    out = tmp_path / "events.ndjson"
    assert main(["demo", "--speed", "max", "--out", str(out)]) == Exit.OK
    printed = capsys.readouterr().out
    truth = printed.rsplit(" in ", 1)[1].split(".")[0]
    last = decode(out.read_bytes().splitlines()[-1]).data
    assert last.causes[0].entity == truth
    assert last.state in {"settled", "resolved"}


def test_demo_lists_its_incidents(capsys: pytest.CaptureFixture[str]) -> None:
    """At least four incidents are bundled; an unknown one is refused with the list."""
    assert main(["demo", "--list"]) == Exit.OK
    assert len(capsys.readouterr().out.strip().splitlines()) >= 4
    assert main(["demo", "--case", "nonsense"]) == Exit.FAILURE
    assert "there is no bundled incident `nonsense`" in capsys.readouterr().err
