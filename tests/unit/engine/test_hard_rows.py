"""Rows that break naive second-moment code, through the whole engine: never NaN, never a raise."""

import json
import math
from collections.abc import Iterator

import numpy as np
import pytest
from makers import NAMES, ONSET, run, shop_config, shop_rows
from typed import FloatArray

from coral.contract.events import encode


def spoilt() -> Iterator[tuple[str, FloatArray]]:
    """Rows of the little shop, spoilt, each with a name."""
    rng = np.random.default_rng(0)
    x = shop_rows()
    yield "constant series", np.where(np.arange(8) % 2, x, x[0])
    yield "all constant until the fault", np.where(np.arange(len(x))[:, None] < ONSET, x[0], x)
    yield "duplicated series", x[:, [0, 0, 2, 2, 2, 6, 6, 6]]
    yield "fewer rows than series", x[ONSET - 5 :]
    yield "one row", x[ONSET - 1 : ONSET]
    yield "scale 1e-12", 1e-12 * x
    yield "scale 1e12", 1e12 * x
    yield "both scales", x * np.logspace(-12, 12, 8)
    yield "90 % missing", np.where(rng.random(x.shape) < 0.9, np.nan, x)
    yield "a column missing", np.where(np.arange(8) == 6, np.nan, x)
    yield "all missing", np.full_like(x, np.nan)
    yield "infinite", np.where(x > np.quantile(x, 0.99, axis=0), np.inf, x)
    yield "absurdly large", np.where(np.arange(len(x))[:, None] < ONSET, x, 1e100)


def numbers(value: object) -> list[float]:
    """All numbers of a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for one in value for number in numbers(one)]
    return [value] if isinstance(value, float) else []


@pytest.mark.parametrize("told", [True, False], ids=["told", "detected"])
@pytest.mark.parametrize(
    ("name", "rows"), list(spoilt()), ids=lambda v: v if type(v) is str else ""
)
def test_only_finite_numbers_are_published(name: str, rows: FloatArray, told: bool) -> None:
    """Whatever the rows are, and whoever opens the incident."""
    onset = float(min(ONSET, len(rows) - 1)) if told else None
    events = run(rows, names=NAMES, config=shop_config(), onset=onset)
    data = [json.loads(encode(event))["data"] for event in events]

    assert not told or events, name
    assert all(math.isfinite(number) for one in data for number in numbers(one))
