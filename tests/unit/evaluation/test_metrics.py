"""Scores against cases worked by hand."""

import pytest

from coral.evaluation.metrics import accuracy_at, break_ties, match_alarms, rank_scores


@pytest.mark.parametrize(
    ("k", "truth", "any_of", "expected"),
    [
        (1, {"a"}, False, 1.0),
        (1, {"b"}, False, 0.0),
        (2, {"a", "b"}, False, 1.0),
        (3, {"b", "d"}, False, 0.5),
        (5, {"x"}, False, 0.0),
        (1, {"a", "x", "y"}, False, 1.0),
        (3, {"a", "x", "y"}, False, 1 / 3),
        (1, {"b", "x"}, True, 0.0),
        (2, {"b", "x"}, True, 1.0),
    ],
)
def test_accuracy_at_k(k: int, truth: set[str], any_of: bool, expected: float) -> None:
    """The share of the truth that can and does stand among the first k."""
    assert expected == accuracy_at(k, ["a", "b", "c", "d"], truth, any_of=any_of)


def test_nothing_found_scores_nothing() -> None:
    """An empty ranking is worth 0 in every measure."""
    assert rank_scores([], {"a"}, any_of=False) == (0.0, 0.0, 0.0, 0.0, 0.0)


def test_scores_of_a_second_place() -> None:
    """A single true cause at rank 2."""
    assert rank_scores(["x", "a", "y"], {"a"}, any_of=False) == (0.0, 1.0, 1.0, 0.8, 0.5)


def test_truth_is_needed() -> None:
    """A case without known root cannot be scored."""
    with pytest.raises(ValueError, match="known truth"):
        accuracy_at(1, ["a"], set(), any_of=False)


def test_ties_are_broken_against_us() -> None:
    """Of equal scores the wrong ones come first, and zero scores are no answer."""
    expected = ["x", "y", "a"]
    assert expected == break_ties(["a", "x", "y", "b"], [0.5, 0.7, 0.5, 0.0], {"a", "b"})


def test_alarms_are_assigned_fault_by_fault() -> None:
    """Hits rise inside; others belong to the fault they precede, late ones to the last."""
    alarms, labels = [5.0, 12.0, 13.0, 25.0, 50.0], [(10.0, 20.0), (30.0, 40.0)]
    stream = match_alarms(alarms, labels, trailing=True)
    case = match_alarms(alarms, labels, trailing=False)
    assert stream == [(1, (0,)), (None, (3, 4))]
    assert case == [(1, (0,)), (None, (3,))]
    assert [1, 2] == [each.false_alarms for each in stream]


def test_both_ends_of_a_label_belong_to_the_fault() -> None:
    """An alarm on the first or the last row of the fault is a hit."""
    assert match_alarms([10.0], [(10.0, 20.0)], trailing=True) == [(0, ())]
    assert match_alarms([20.0], [(10.0, 20.0)], trailing=True) == [(0, ())]
