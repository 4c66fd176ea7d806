"""What is known of the entities of a system, and what of it does not fit together."""

from typing import Any

import pytest

from streams.topology import Topology

NO_COLON = "entities expected, which hold no `:`"
FORBIDDEN = "pair that is not forbidden as well expected"
ORDER = "pair that `order` allows expected"


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({"edges": (("a", "b"), ("b", "c")), "order": ("c", "b", "a")}, []),
        ({"edges": (("a", "a"),)}, [("edges", 0, "two entities expected")]),
        ({"required_edges": (("a", "b:x"),)}, [("required_edges", 0, NO_COLON)]),
        (
            {"order": ("a", "b:x", "a")},
            [("order", 1, NO_COLON), ("order", 2, "every entity once expected")],
        ),
        (
            {"edges": (("x", "y"), ("a", "b")), "forbidden_edges": (("a", "b"),)},
            [("edges", 1, FORBIDDEN)],
        ),
        ({"edges": (("a", "b"),), "order": ("a", "b")}, [("edges", 0, ORDER)]),
        (
            {"edges": (("a", "b"),), "order": ("b", "a"), "edge_semantics": "a feeds b"},
            [("edges", 0, ORDER)],
        ),
        (
            {"edges": (("a", "x"),), "order": ("a", "a", "b")},
            [("order", 1, "every entity once expected")],
        ),
    ],
)
def test_everything_that_does_not_fit(
    known: dict[str, Any], expected: list[tuple[str, int, str]]
) -> None:
    """Key, number in its list, and rule."""
    assert expected == list(Topology(**known).problems())


def test_cause_and_effect() -> None:
    """A callee acts on its caller, a feeder on what it feeds; known and required edges, once."""
    known: dict[str, Any] = {"edges": (("a", "b"), ("a", "b")), "required_edges": (("c", "a"),)}

    assert (("a", "c"), ("b", "a")) == Topology(**known).causal_edges
    assert (("a", "b"), ("c", "a")) == Topology(**known, edge_semantics="a feeds b").causal_edges
