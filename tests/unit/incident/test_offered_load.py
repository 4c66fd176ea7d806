"""What the entities of health signals are asked to serve."""

import numpy as np

from coral.incident.offered_load import OfferedLoad

SERIES = (
    "web:requests{code=200}",
    "cart:requests",
    "web:latency",
    "web:requests{code=500}",
    "web:cpu",
    "db:latency",
)
SIGNALS = ("web:latency", "db:latency", "web:errors", "cart:latency", "web:success_ratio")


def test_load_is_the_sum_over_the_entity_of_a_signal() -> None:
    """Nothing is known of an entity without requests, nor of a signal that is better upwards."""
    load = OfferedLoad(SIGNALS, SERIES).of(np.array([90.0, 7.0, 0.1, 10.0, 0.5, 0.2]))

    np.testing.assert_array_equal([100.0, np.nan, 100.0, 7.0, np.nan], load)


def test_what_is_missing_is_left_out() -> None:
    """A code that comes now and then; where all are missing nothing is known."""
    asked = OfferedLoad(SIGNALS, SERIES)

    load = asked.of(np.array([90.0, np.nan, 0.1, np.nan, 0.5, 0.2]))
    np.testing.assert_array_equal([90.0, np.nan, 90.0, np.nan, np.nan], load)
    np.testing.assert_array_equal(np.full(5, np.nan), asked.of(np.full(6, np.nan)))


def test_without_signals_or_series_there_is_no_load() -> None:
    """Neither is an error: a system begins so."""
    assert (0,) == OfferedLoad((), SERIES).of(np.zeros(6)).shape
    assert np.isnan(OfferedLoad(SIGNALS, ()).of(np.zeros(0))).all()
