"""A window of live data as a recorded incident: `incident.json` and `metrics.csv.gz`."""

import csv
import gzip
import io
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from coral.config import SystemConfig
from coral.contract import alerts, changes
from coral.incident.change_log import part_of
from coral.replay.alerts import ALERTS
from coral.replay.beside import NOTHING, Beside
from coral.replay.changes import CHANGES
from streams.align.aligner import Aligner
from streams.base import Source
from streams.errors import DecodeError
from streams.grid import Grid
from streams.recorded import RecordingMeta
from streams.recorded.recording import LABELS
from streams.records import Decoded, Frame, Record
from streams.series import entity_of
from streams.topology import Topology

__all__ = ["capture", "write"]

POLL_RECORDS = 500
POLL_S = 0.5


def capture(
    source: Source,
    decode: Callable[[Record], Decoded],
    system: str,
    grid: Grid,
    seconds: float,
    stop: Callable[[Sequence[Frame]], bool] = lambda _: False,
) -> list[Frame]:
    """Return the frames of one system from a window of event time.

    Parameters
    ----------
    source : Source
    decode : callable
        Record to samples; those of other systems, and what cannot be decoded, are passed over.
    system : str
    grid : Grid
    seconds : float
        Length of the window, from the first frame on.
    stop : callable
        Gets the frames so far before every poll; ends the window early when it returns
        True.
    """
    aligner = Aligner(grid.interval_s, grid.lateness_s)
    frames: list[Frame] = []
    while not (stop(frames) or source.exhausted):
        for record in source.poll(POLL_RECORDS, POLL_S):
            try:
                decoded = decode(record)
            except DecodeError:
                continue
            for samples in decoded.samples:
                frames += aligner.push(samples) if samples.system == system else []
        if frames and frames[-1].time - frames[0].time >= seconds - grid.interval_s:
            break
    else:
        frames += aligner.flush()
    return [frame for frame in frames if frame.time - frames[0].time < seconds]


def write(
    folder: Path, frames: Sequence[Frame], system: SystemConfig, beside: Beside = NOTHING
) -> RecordingMeta:
    """Write frames, and what is known beside them, into a new folder, and return its labels.

    The folder is there when all of it is.

    Raises
    ------
    OSError
        If the folder exists or cannot be written.
    """
    names = frames[-1].names if frames else ()
    meta = RecordingMeta(
        case=folder.name,
        system=system.name,
        interval_s=system.interval_s,
        n_rows=len(frames),
        n_metrics=len(names),
        kpi=system.health_names,
        counters="keep",  # those that say what they are have been made rates
        **{key: getattr(system, key) for key in Topology.__struct_fields__},
    )
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
        whole = Path(made, folder.name)
        whole.mkdir()
        _write_table(whole / "metrics.csv.gz", names, frames)
        _write_beside(whole, beside, {entity_of(name) for name in names})
        labels = msgspec.json.format(msgspec.json.encode(meta), indent=1)
        (whole / LABELS).write_bytes(labels + b"\n")
        folder.mkdir()  # what took the name meanwhile stays as it is
        whole.replace(folder)
    return meta


def _write_beside(folder: Path, beside: Beside, entities: Collection[str]) -> None:
    """Write one a line; change events of what the metrics call their part."""
    lines = {
        CHANGES: [changes.encode(one, part_of(one, entities)) for one in beside.changes],
        ALERTS: [alerts.encode(one) for one in beside.alerts],
    }
    for file, written in lines.items():
        if written:
            (folder / file).write_bytes(b"\n".join([*written, b""]))


def _write_table(file: Path, names: Sequence[str], frames: Sequence[Frame]) -> None:
    with (
        gzip.GzipFile(file, "wb", mtime=0) as packed,
        io.TextIOWrapper(packed, encoding="utf-8", newline="") as table,
    ):
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(["timestamp", *names])
        for frame in frames:
            cells = ["" if value != value else repr(value) for value in frame.values.tolist()]  # noqa: PLR0124 - NaN
            rows.writerow([repr(frame.time), *cells, *[""] * (len(names) - len(cells))])
