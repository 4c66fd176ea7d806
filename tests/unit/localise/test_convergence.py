"""The doubling rule."""

import pytest
from naive import localise as naive

from coral.localise.convergence import ConvergenceTest, rank_biased_overlap, revision_due


@pytest.mark.parametrize(
    ("a", "b"),
    [("abcde", "abcde"), ("abcde", "bacde"), ("abcde", "vwxyz"), ("abc", "abcde"), ("a", "b")],
)
def test_overlap_is_that_of_the_definition(a: str, b: str) -> None:
    """Rank-biased overlap equals the textbook sum."""
    expected = naive.rank_biased_overlap(a, b, min(5, max(len(a), len(b))), 0.9)
    assert expected == pytest.approx(rank_biased_overlap(a, b), abs=1e-12)


def test_two_empty_rankings_agree() -> None:
    """Nothing and nothing are the same."""
    assert rank_biased_overlap([], []) == 1.0


def test_revisions_are_dense_at_first_and_then_eight_per_doubling() -> None:
    """Every row up to 16, then every second up to 32, every fourth up to 64."""
    due = [n for n in range(65) if revision_due(n)]
    expected = [*range(1, 17), *range(18, 33, 2), *range(36, 65, 4)]
    assert expected == due


def test_a_ranking_that_never_changes_converges_after_a_doubling() -> None:
    """Comparisons begin at 4 rows, so 8 rows are the earliest."""
    rule = ConvergenceTest()
    fresh = [n for n in range(1, 20) if rule.update(n, "abcde")]
    assert [8] == fresh
    assert rule.rows == 8


def test_a_ranking_that_keeps_changing_never_converges() -> None:
    """A new first at every doubling forbids convergence."""
    rule = ConvergenceTest()
    for n in range(1, 257):
        if revision_due(n):
            rule.update(n, "abcdefghij"[n.bit_length() :] + "xyzuv")
    assert not rule.converged


def test_a_change_starts_the_count_again() -> None:
    """After a change of the first the evidence must double again."""
    rule = ConvergenceTest()
    for n in range(1, 41):
        if revision_due(n):
            rule.update(n, "abcde" if n < 7 else "edcba")
    assert rule.rows is not None
    assert rule.rows >= 14 + 14
