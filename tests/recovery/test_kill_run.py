"""`coral run` killed at steps of its commit, again and again, while rows arrive."""

from pathlib import Path

import pytest
from chaos import Chaos
from kafkas import Broker

from coral.errors import Exit

CLEAN = {"lost": 0, "duplicates": 0, "two_contents": 0, "unexpected": 0}
JOBS = {
    ("file", "at-least-once"): "before-save:2 after-rename:2 before-commit:1 after-send:3",
    ("kafka", "at-least-once"): "before-flush:2 after-save:1 after-load:2 after-commit:2",
    ("kafka", "exactly-once"): "after-flush:3 after-save:3 after-offsets:4 after-commit:6",
}


@pytest.mark.parametrize("way", JOBS, ids="-".join)
def test_killed_four_times(kafka: Broker, tmp_path: Path, way: tuple[str, str]) -> None:
    """Nothing lost, no id with two contents; read committed, no id twice."""
    chaos = Chaos(kafka, tmp_path, way, rows_per_s=7.0)
    try:
        for moment in JOBS[way].split():
            process = chaos.start(kill=moment)
            process.wait(60)
            assert chaos.kill(process), chaos.history
        code = chaos.finish()
        found = chaos.verdict()
    finally:
        chaos.close()

    assert Exit.OK == code, chaos.log
    assert CLEAN == {name: found[name] for name in CLEAN}, chaos.history
    assert len(chaos.expected) == found["events"]
