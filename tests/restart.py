"""A part of a recording in a process of its own: state in, events and state out.

``python restart.py RECORDING FIRST LAST STATE`` continues from the file STATE unless FIRST is 0,
prints the events of frames FIRST..LAST, and writes STATE.
"""

import sys
from pathlib import Path

from coral.checkpoint import envelope
from coral.contract.events import encode
from coral.engine import Engine
from coral.replay.driver import system_of
from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.codec.native import NativeCodec
from streams.recorded import RecordedSource, Recording, RecordingMeta
from streams.records import Frame


def frames_of(folder: Path) -> tuple[RecordingMeta, list[Frame]]:
    """Return the facts of a recording and all its frames."""
    recording = Recording.open(folder)
    source, codec = RecordedSource(recording, SystemClock(), None), NativeCodec()
    aligner, frames = Aligner(recording.meta.interval_s), []
    while not source.exhausted:
        for record in source.poll(500, 0.0):
            for samples in codec.decode(record).samples:
                frames += aligner.push(samples)
    return recording.meta, [*frames, *aligner.flush()]


def main() -> None:
    folder, first, last, file = sys.argv[1:]
    meta, frames = frames_of(Path(folder))
    engine = Engine(system_of(meta))
    if int(first):
        engine.load_state_dict(envelope.decode("k", Path(file).read_bytes()))
    for frame in frames[int(first) : int(last)]:
        for event in engine.step(frame):
            sys.stdout.buffer.write(encode(event) + b"\n")
    Path(file).write_bytes(envelope.encode("k", engine.state_dict()))


if __name__ == "__main__":
    main()
