"""Faults of the network between one caller and what it calls, recorded in the shop."""

from pathlib import Path

import pytest
from network_faults import answer, edge_cases, without_edges

from streams.recorded import validate

CASES = edge_cases()


def test_there_are_delay_and_loss_before_a_database_and_a_cache() -> None:
    """Four of them, sound and small."""
    assert [
        "network-delay__catalogue-redis",
        "network-delay__orders-postgres",
        "network-loss__cart-redis",
        "network-loss__orders-postgres",
    ] == [case.name for case in CASES]
    for case in CASES:
        assert [] == [str(problem) for problem in validate(case) if problem.severity == "error"]
        assert sum(file.stat().st_size for file in case.iterdir()) < 300_000


def test_the_network_is_named_first_in_three_at_least() -> None:
    """Told the onset, by what callers measure of their calls."""
    first = [answer(case, "oracle", edges=True).place == 1 for case in CASES]
    assert sum(first) >= 3


@pytest.mark.parametrize("case", CASES[1:2], ids=lambda case: case.name)
def test_without_what_callers_measure_the_caller_is_blamed(case: Path, tmp_path: Path) -> None:
    """Which is what these series are for."""
    said = answer(without_edges(case, tmp_path), "oracle", edges=False)
    assert ("orders", "postgres") == (said.first, said.right)
