"""`coral explain` of what is no file of events."""

from pathlib import Path

import pytest

from coral.cli.main import main
from coral.errors import Exit


def test_without_its_file(capsys: pytest.CaptureFixture[str]) -> None:
    """One word alone is the file; what was meant is said in one line."""
    assert Exit.FAILURE == main(["explain", "3f2a"])
    told = capsys.readouterr().err
    assert "there is no file `3f2a`; to explain one incident give its identifier and then" in told
    assert 1 == told.count("\n")


@pytest.mark.parametrize("words", [[], ["3f2a"]])
def test_of_a_wrong_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """A table of two hundred lines is one line of complaint."""
    file = tmp_path / "shop.csv"
    file.write_text("time,db:cpu\n" + "1,2\n" * 200)
    assert Exit.INVALID == main(["explain", *words, str(file)])
    out, told = capsys.readouterr()
    assert "" == out
    assert f"{file}, no event of CORAL in 201 lines; line 1: not a CORAL event" in told
    assert told.startswith("coral: ")
