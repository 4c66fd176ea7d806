"""The exact walk against simulation."""

import numpy as np
import pytest
from naive import localise as naive

from coral.localise.random_walk import absorbing_walk, best_paths

CHAIN = np.array([[0.0, 0.9, 0.2], [0.0, 0.0, 0.8], [0.1, 0.0, 0.0]])
EVIDENCE = np.array([1.0, 2.0, 6.0])


@pytest.mark.parametrize("kpi", [(0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.2, 0.6, 0.0)])
def test_the_linear_system_is_the_limit_of_simulation(kpi: tuple[float, float, float]) -> None:
    """200,000 simulated walks stop where the solution says, within five standard errors."""
    walks = 200_000
    expected = naive.walk(CHAIN.tolist(), EVIDENCE.tolist(), kpi, walks, seed=1)
    stops = absorbing_walk(CHAIN, EVIDENCE, np.array(kpi))
    error = 5 * np.sqrt(0.25 / walks)
    np.testing.assert_allclose(stops, expected, atol=error)


def test_without_edges_walks_stop_where_they_start() -> None:
    """Then the evidence and the health signal alone decide."""
    stops = absorbing_walk(np.zeros((3, 3)), EVIDENCE, np.array([3.0, 1.0, 0.0]))
    np.testing.assert_allclose(stops, 0.5 * np.array([0.75, 0.25, 0]) + 0.5 * EVIDENCE / 9)


def test_without_evidence_the_walk_is_uniform() -> None:
    """No evidence and no health signal: no preference."""
    stops = absorbing_walk(np.zeros((4, 4)), np.zeros(4), np.zeros(4))
    np.testing.assert_allclose(stops, 0.25)


def test_a_circle_is_walked_and_left() -> None:
    """Two entities that explain each other fully do not trap the walk."""
    stops = absorbing_walk(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones(2), np.array([1.0, 0.0]))
    assert np.isfinite(stops).all()
    assert 0.5 < stops.sum() <= 1.0


def test_one_entity() -> None:
    """A system of one entity has one answer."""
    np.testing.assert_allclose(absorbing_walk(np.zeros((1, 1)), np.ones(1), np.ones(1)), [1.0])


def test_paths_follow_the_strongest_product() -> None:
    """The path of a cause is the one that explains most, not the shortest."""
    explained = np.zeros((4, 4))
    explained[0, 3] = 0.1
    explained[0, 1] = explained[1, 2] = explained[2, 3] = 0.9
    assert best_paths(explained, [0], [3, 0, 2]) == [[3, 2, 1, 0], [0], [2, 1, 0]]


def test_an_entity_that_nothing_leads_to_has_no_path() -> None:
    """Without a known edge there is no path to tell."""
    assert best_paths(np.zeros((2, 2)), [0], [1]) == [[]]


def test_of_equally_good_paths_the_one_over_the_first_entity_is_told() -> None:
    """Entity 4 has two causes that explain all: the first comes first, though it is farther."""
    explained = np.zeros((5, 5))
    explained[3, [1, 2]] = explained[1, 0] = 1.0
    explained[[0, 2], 4] = 0.5
    assert best_paths(explained, [3], [4, 2]) == [[4, 0, 1, 3], [2, 3]]


def test_shares_multiply_to_the_last_bit() -> None:
    """Of two paths that explain as much but for rounding, the larger product is told."""
    explained = np.zeros((3, 3))
    explained[0, 1], explained[1, 2] = 0.7, 0.1
    explained[0, 2] = np.nextafter(0.7 * 0.1, 0.0)
    assert best_paths(explained, [0], [2]) == [[2, 1, 0]]
    explained[0, 2] = 0.7 * 0.1
    assert best_paths(explained, [0], [2]) == [[2, 0]]


def test_a_health_signal_has_the_path_of_itself() -> None:
    """Also where another one explains it fully; without any there are no paths."""
    explained = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert best_paths(explained, [0, 1], [0, 1]) == [[0], [1]]
    assert best_paths(explained, [], [0, 1]) == [[], []]
