"""Write the checkpoint of this format that later versions must read: run it when FORMAT grows.

``PYTHONPATH=tests python tests/golden/write.py``; those of versions that are out stay as they are.
`incident.v1.checkpoint` was written by 0.1.0 (099c7a5), `incident.v1-0.2.0.checkpoint` by this
script of 0.2.0 (a21d299): the layout had changed, the number of its format had not.
"""

from pathlib import Path

from makers import NAMES, ONSET, shop_config, shop_rows

from coral.checkpoint import envelope
from coral.checkpoint.snapshot import capture, key_of
from coral.engine import Engine
from streams.align.aligner import Aligner
from streams.processing.systems import Systems
from streams.records import Record, Samples, TopicPartition

PARTITION = TopicPartition("coral.metrics.v1", 0)
ROWS = ONSET + 20  # in the middle of an incident


def main() -> None:
    engine, systems = Engine(shop_config()), Systems(lambda _: Aligner(1.0), 1)
    for t, x in enumerate(shop_rows()[:ROWS]):
        record = Record(*PARTITION, t, b"shop", b"")
        for frame in systems.push(Samples("shop", float(t), NAMES, x), record):
            engine.step(frame)
    snapshots = capture({PARTITION: ROWS}, systems, {"shop": engine})
    data = envelope.encode(key_of(PARTITION), snapshots[PARTITION])
    file = Path(__file__).with_name(f"incident.v{envelope.FORMAT}.checkpoint")
    file.write_bytes(data)


if __name__ == "__main__":
    main()
