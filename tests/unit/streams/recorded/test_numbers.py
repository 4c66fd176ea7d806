"""Number cells by the conventions of their file."""

import math

import pytest

from streams.recorded.numbers import NumberReader
from streams.recorded.problem import ProblemLog


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("12 ms", 0.012),
        ("12ms", 0.012),
        ("1.5 s", 1.5),
        ("2 mins", 120.0),
        ("3 µs", 3e-6),
        ("45%", 45.0),
        ("45.5 %", 45.5),
        ("2 kB/s", 2000.0),
        ("2 KiB", 2048.0),
        ("1,234.5 req/s", 1234.5),
        ("-3 MB", -3e6),
    ],
)
def test_units_that_can_be_one_thing_only(cell: str, value: float) -> None:
    """In the base unit of what is measured."""
    assert value == pytest.approx(NumberReader(["a:x"], [[cell]]).read(cell, 0))


@pytest.mark.parametrize(
    "cell", ["5 m", "1.2 K", "3 Mil", "4 Mb", "7 apples", "1_000", "\u0661", "1 2"]
)
def test_what_may_be_two_things_is_not_read(cell: str) -> None:
    assert NumberReader(["a:x"], [[cell]]).read(cell, 0) is None


def test_a_column_is_read_in_one_unit() -> None:
    """Cells of another measure, and bare numbers beside units, are unclear; zero is zero."""
    reader = NumberReader(["a:x", "b:wait_ms"], [["950 ms", "20 ms"], ["1.2 s", "1 s"]])

    assert [0.02, 1.2, 0.0] == [reader.read(cell, 0) for cell in ("20 ms", "1.2 s", "0")]
    assert [None, None] == [reader.read(cell, 0) for cell in ("12", "3 %")]
    # The name says milliseconds.
    assert [20.0, 1000.0] == [reader.read(cell, 1) for cell in ("20 ms", "1 s")]
    log = ProblemLog("f")
    reader.remark(log, 2)
    assert "2 of 2 columns have units in their cells, e.g. '950 ms'" == log.problems()[0].message


@pytest.mark.parametrize(
    ("sample", "cell", "value"),
    [
        (["0,5"], "1,234", 1.234),
        (["0,5"], "1.234,5", 1234.5),
        (["0,5"], "1.234", 1234.0),
        (["0,5"], "0.5", None),
        (["0.5", "1,234"], "1,234", 1234.0),
        (["1,234.5"], "1,234,567", 1234567.0),
        (["1,234"], "1,234", None),  # one thousand, or a little more than one?
        (["0,5", "0.5", "x"], "1,5", None),
        (["1 234,5"], "1 234,5", 1234.5),
        (["1'234.5"], "1'234.5", 1234.5),
        (["1,5E-05"], "1,5E-05", 1.5e-5),
    ],
)
def test_the_mark_before_decimals_is_that_of_the_file(
    sample: list[str], cell: str, value: float | None
) -> None:
    """Where cells contradict each other, or none tells, what is unclear stays unread."""
    assert value == NumberReader(["a:x"], [[text] for text in sample]).read(cell, 0)


def test_missing_stays_missing() -> None:
    found = NumberReader(["a:x"], [["1"]]).read("null", 0)

    assert found is not None
    assert math.isnan(found)
