"""The rank history as a bump chart."""

import math
from pathlib import Path

import numpy as np
import pytest
from makers import ONSET, shop_rows, write_recording
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from typed import FloatArray, IntArray

from coral.cli.main import main
from coral.contract.events import Revision
from coral.errors import Exit
from coral.report.rank_chart import draw_ranks


def drawn(history: list[Revision]) -> tuple[Axes, list[str]]:
    """Return the axis, the ranks by line style, and the names on the right."""
    axis = Figure().subplots()
    draw_ranks(axis, history)
    (right,) = axis.child_axes
    named = [label.get_text() for label in right.get_yticklabels()]
    return axis, named


def line_of(axis: Axes, marker: str) -> tuple[IntArray, FloatArray]:
    (line,) = [line for line in axis.lines if line.get_marker() == marker]
    return np.asarray(line.get_xdata()), np.asarray(line.get_ydata())


def test_ranks_gaps_and_names() -> None:
    """The last five are named at the right, a former leader where it led; absence is a gap."""
    history = [
        Revision(1, ["old", "a"]),
        Revision(2, ["a", "b"]),
        Revision(4, ["b", "c"]),
        Revision(8, ["b", "a"]),
    ]
    axis, named = drawn(history)
    assert ["b", "a"] == named
    assert ["old"] == [text.get_text() for text in axis.texts]
    rows, ranks = line_of(axis, "o")
    assert [1, 2, 4, 8] == list(rows)
    np.testing.assert_array_equal([math.nan, 2, 1, 1], ranks)
    np.testing.assert_array_equal([2, 1, math.nan, 2], line_of(axis, "s")[1])
    np.testing.assert_array_equal([1, math.nan, math.nan, math.nan], line_of(axis, "^")[1])
    np.testing.assert_array_equal([math.nan, math.nan, 2, math.nan], line_of(axis, "d")[1])
    assert axis.get_ylim()[0] > axis.get_ylim()[1]


@pytest.mark.parametrize("name", ["$x$", "a`b\x1b[31m", "n" * 300])
def test_names_are_shown_as_they_are(tmp_path: Path, name: str) -> None:
    """No formula, no control character, no name as wide as the picture."""
    figure = Figure()
    axis = figure.subplots()
    draw_ranks(axis, [Revision(3, [name])])
    figure.savefig(tmp_path / "x.png")
    (label,) = axis.child_axes[0].get_yticklabels()
    assert len(label.get_text()) <= 40
    assert label.get_text().replace("\\$", "").isprintable()


def test_the_plot_of_a_replay_ends_with_the_ranks_of_the_last_incident(
    tmp_path: Path, figures: list[Figure]
) -> None:
    """The revisions of the last incident alone; none without an incident."""
    shop = write_recording(tmp_path / "shop", shop_rows())
    assert main(["replay", str(shop), "--plot", str(tmp_path / "a.png")]) == Exit.OK
    ranks = figures[0].axes[-1]
    assert "ranks" in ranks.get_title(loc="left")
    assert "db" == ranks.child_axes[0].get_yticklabels()[0].get_text()
    quiet = write_recording(tmp_path / "quiet", shop_rows(rows=ONSET), fault_start=None)
    main(["replay", str(quiet), "--plot", str(tmp_path / "b.png")])
    assert not [axis for axis in figures[1].axes if "ranks" in axis.get_title(loc="left")]
