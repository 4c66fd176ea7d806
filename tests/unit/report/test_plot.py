"""`coral replay --plot`: what is drawn, and what is said instead."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest
from makers import NAMES, ONSET, shop_rows, write_recording
from matplotlib import image
from matplotlib.figure import Figure

from coral.cli.main import main
from coral.errors import Exit
from coral.report import plot

PNG = b"\x89PNG\r\n\x1a\n"


def titles(figure: Figure) -> list[str]:
    return [axis.get_title(loc="left") for axis in figure.axes]


def test_the_picture_shows_health_statistic_threshold_onset_alarm_and_series(
    tmp_path: Path, figures: list[Figure], capsys: pytest.CaptureFixture[str]
) -> None:
    """A panel each; onset and alarm stand at the rows that the event names."""
    rows = np.vstack([shop_rows(), shop_rows(seed=1, rows=ONSET)])
    shop = write_recording(tmp_path / "shop", rows)
    file = tmp_path / "shop.png"
    assert main(["replay", str(shop), "--plot", str(file)]) == Exit.OK
    assert f"Plot written to {file}" in capsys.readouterr().out.replace("\n", "")
    assert file.read_bytes().startswith(PNG)
    (figure,) = figures
    first, second, *others, ranks = titles(figure)
    assert ranks.startswith("ranks")
    assert first == "health signal: web:latency_p95"
    assert second.startswith("statistic `")
    assert others
    assert set(others) <= set(NAMES)
    statistic = figure.axes[1]
    values, limits = (np.asarray(line.get_ydata()) for line in statistic.lines[:2])
    times = np.asarray(statistic.lines[0].get_xdata()) * 86_400.0 - 1_700_000_000
    onset, alarm, end = (
        float(np.asarray(line.get_xdata())[0]) * 86_400.0 - 1_700_000_000
        for line in statistic.lines[2:]
    )
    assert ONSET - 3 <= round(onset) <= round(alarm) <= ONSET + 3
    assert end > alarm
    row = np.searchsorted(times, alarm - 0.5)
    assert values[row] > limits[row]
    assert figure.get_suptitle().startswith("shop: 1 incident")
    labels = [text.get_text() for text in figure.subfigs[0].legends[0].get_texts()]
    assert labels == ["warm-up", "onset", "onset interval", "alarm", "incident", "resolved"]


def test_the_picture_has_no_colour(tmp_path: Path) -> None:
    """Readable in black and white: every pixel is a grey."""
    shop = write_recording(tmp_path / "shop", shop_rows())
    file = tmp_path / "shop.png"
    main(["replay", str(shop), "--plot", str(file)])
    pixels = image.imread(file)[:, :, :3]
    assert np.ptp(pixels, axis=2).max() == 0.0
    assert pixels.min() < 0.1


def test_without_an_incident_the_closest_call_is_shown(
    tmp_path: Path, figures: list[Figure]
) -> None:
    """The statistic that came closest to its limit, and the series that carried it."""
    quiet = write_recording(tmp_path / "quiet", shop_rows(rows=ONSET), fault_start=None)
    assert main(["replay", str(quiet), "--plot", str(tmp_path / "q.png")]) == Exit.NOTHING_FOUND
    (figure,) = figures
    assert figure.get_suptitle().startswith("quiet: no incident")
    assert titles(figure)[1].startswith("statistic `")
    assert len(figure.axes) > 2


def test_a_given_onset_has_no_statistic(tmp_path: Path, figures: list[Figure]) -> None:
    """The picture says so instead."""
    shop = write_recording(tmp_path / "shop", shop_rows())
    assert main(["replay", str(shop), "--oracle", "--plot", str(tmp_path / "o.svg")]) == Exit.OK
    (figure,) = figures
    assert [text.get_text() for text in figure.axes[1].texts] == [
        "The onset was given: no statistic was computed."
    ]


def test_no_health_signal_missing_cells_and_a_silent_series(
    tmp_path: Path, figures: list[Figure]
) -> None:
    """No KPI means no panel for it; lonely values are dots; a series of nothing is said."""
    shop = write_recording(tmp_path / "shop", shop_rows(), kpi=[])
    assert main(["replay", str(shop), "--plot", str(tmp_path / "s.png")]) == Exit.OK
    assert titles(figures[-1])[0].startswith("statistic `")
    rows = shop_rows()
    rows[::2, 0] = np.nan
    sparse = write_recording(tmp_path / "sparse", rows, kpi=[NAMES[0]])
    assert main(["replay", str(sparse), "--plot", str(tmp_path / "d.png")]) == Exit.OK
    figure = figures[-1]
    dotted = [axis for axis in figure.axes for line in axis.lines if line.get_marker() == "."]
    assert dotted
    rows = np.column_stack([shop_rows(), np.full(len(rows), np.nan)])
    silent = write_recording(
        tmp_path / "silent", rows, names=(*NAMES, "x:nothing"), kpi=["x:nothing", NAMES[0]]
    )
    main(["replay", str(silent), "--plot", str(tmp_path / "n.png")])
    assert [text.get_text() for text in figures[-1].axes[0].texts] == ["no value at all"]


def test_matplotlib_missing_is_said_before_the_replay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the command that installs it, and before anything is replayed."""
    shop = write_recording(tmp_path / "shop", shop_rows())
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "matplotlib" else found(name)
    )
    assert main(["replay", str(shop), "--plot", str(tmp_path / "x.png")]) == Exit.FAILURE
    captured = capsys.readouterr()
    assert "pip install 'coral-rca[plots]'" in captured.err
    assert captured.out == ""


def test_what_cannot_be_drawn_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown format; several recordings into one file; a folder that is not there."""
    shop = str(write_recording(tmp_path / "shop", shop_rows()))
    assert main(["replay", shop, "--plot", "picture.jpg2"]) == Exit.FAILURE
    assert "writes .png, .svg, .pdf files, got `picture.jpg2`" in capsys.readouterr().err
    assert main(["replay", shop, shop, "--plot", "x.png"]) == Exit.USAGE
    assert "--plot draws one recording, got 2" in capsys.readouterr().err
    assert main(["replay", shop, "--plot", str(tmp_path / "none" / "x.png")]) == Exit.FAILURE
    assert "No such file" in capsys.readouterr().err


@pytest.mark.parametrize("rows", [1, 99, 100, 101, 5003])
def test_thinning_keeps_every_extreme(rows: int) -> None:
    """Order, both ends of every piece, and gaps; a short series is not touched."""
    rng = np.random.default_rng(rows)
    values = rng.normal(size=rows)
    values[rng.integers(rows)] = 50.0
    values[rng.integers(rows)] = -50.0
    values[rows // 2 : rows // 2 + rows // 10] = np.nan
    times = np.arange(rows, dtype=float)
    t, y = plot.downsample(times, values, limit=100)
    assert len(t) <= max(rows, 100) if rows <= 100 else len(t) <= 100
    assert all(a < b for a, b in itertools.pairwise(t))
    np.testing.assert_array_equal(y, values[t.astype(int)])
    if not np.isnan(values).all():
        assert np.nanmax(values) == np.nanmax(y)
        assert np.nanmin(values) == np.nanmin(y)
    if rows == 5003:
        assert np.isnan(y).any()


def test_a_name_is_no_formula(tmp_path: Path, figures: list[Figure]) -> None:
    """Dollar signs and control characters of names are shown, not interpreted."""
    names = tuple(name.replace("db", "$\\frac{db$\x1b") for name in NAMES)
    shop = write_recording(tmp_path / "s$x^{$", shop_rows(), names=names, edges=[])
    assert main(["replay", str(shop), "--plot", str(tmp_path / "x.png")]) == Exit.OK
    shown = " ".join(titles(figures[0]))
    assert "\\$\\frac{db\\$\\x1b:disk_io" in shown
    assert "\x1b" not in shown
