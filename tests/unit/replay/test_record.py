"""What a recording keeps of the configuration."""

from pathlib import Path

import numpy as np
from makers import shop_config

from coral.config import HealthSignal
from coral.replay.record import write
from streams.recorded import Recording
from streams.records import Frame


def test_the_labels_hold_the_names_of_the_health_signals(tmp_path: Path) -> None:
    """Each once, whatever objectives it has."""
    slow = HealthSignal(name="web:latency_p95", above=0.5)
    system = shop_config(kpi=("web:latency_p95", slow))
    frames = [Frame("shop", float(t), ("web:latency_p95",), np.array([0.1])) for t in range(3)]
    write(tmp_path / "one", frames, system)

    assert ("web:latency_p95",) == Recording.open(tmp_path / "one").meta.kpi
