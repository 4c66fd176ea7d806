"""What a recording keeps of the configuration."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import shop_config

from coral.config import HealthSignal
from coral.replay.record import write
from streams.recorded import Recording
from streams.records import Frame


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    """Neither a folder nor a part of one, whatever ends it half-way."""

    class Interrupted(Sequence[Frame]):
        """The first of two frames, and then Ctrl-C."""

        def __len__(self) -> int:
            return 2

        def __getitem__(self, at: Any) -> Any:
            if at == 1:
                raise KeyboardInterrupt
            return Frame("shop", float(at), ("web:latency_p95",), np.array([0.1]))

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "one", Interrupted(), shop_config(kpi=()))
    assert [] == [*tmp_path.iterdir()]


def test_a_folder_that_is_there_stays(tmp_path: Path) -> None:
    """Nothing is put into it."""
    frames = [Frame("shop", 0.0, ("web:latency_p95",), np.array([0.1]))]
    with pytest.raises(FileExistsError):
        write(tmp_path, frames, shop_config(kpi=()))
    assert [] == [*tmp_path.iterdir()]


def test_the_labels_hold_the_names_of_the_health_signals(tmp_path: Path) -> None:
    """Each once, whatever objectives it has."""
    slow = HealthSignal(name="web:latency_p95", above=0.5)
    system = shop_config(kpi=("web:latency_p95", slow))
    frames = [Frame("shop", float(t), ("web:latency_p95",), np.array([0.1])) for t in range(3)]
    write(tmp_path / "one", frames, system)

    assert ("web:latency_p95",) == Recording.open(tmp_path / "one").meta.kpi
