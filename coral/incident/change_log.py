"""Change events of one system, as they come in; which part of it each is about."""

import bisect
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from coral.contract.changes import ChangeEvent
from coral.localise.policy import RANKING, ChangePolicy

__all__ = ["ChangeLog", "part_of"]


class ChangeLog:
    """The newest change events of one system, a bounded number, by their time.

    Parameters
    ----------
    policy : ChangePolicy
    """

    def __init__(self, policy: ChangePolicy = RANKING.changes) -> None:
        self.policy = policy
        self._kept: list[ChangeEvent] = []

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[ChangeEvent]:
        return iter(self._kept)

    def add(self, change: ChangeEvent) -> bool:
        """Keep a change event; return whether it is news. Their order does not matter."""
        if any(change.key == known.key for known in self._at(change.time, change.time)):
            return False
        bisect.insort(self._kept, change, key=_order)
        del self._kept[: -self.policy.most_kept]
        return True

    def between(self, first: float, last: float) -> Sequence[ChangeEvent]:
        """Return those of a span of time, the earliest first.

        What follows from a change is no change beside it: containers start, and replicas are
        counted, because a new version is rolled out. Of the same thing done to the same part again
        and again the first one counts.
        """
        found: list[ChangeEvent] = []
        for change in self._at(first - self.policy.settle_most_s, last):
            if not any(self._follows(change, earlier) for earlier in found):
                found.append(change)
        return [change for change in found if change.time >= first]

    def _follows(self, change: ChangeEvent, earlier: ChangeEvent) -> bool:
        same = change.entities[:1] == earlier.entities[:1]
        kind = change.kind == earlier.kind or change.kind in ("restarted", "scaled")
        return same and kind and change.time - earlier.time <= self.policy.settle_most_s

    def _at(self, first: float, last: float) -> list[ChangeEvent]:
        low = bisect.bisect_left(self._kept, first, key=_time)
        return self._kept[low : bisect.bisect_right(self._kept, last, key=_time)]

    def state_dict(self) -> list[dict[str, Any]]:
        """Plain values, for the checkpoint."""
        return [msgspec.to_builtins(change) for change in self._kept]

    def load_state_dict(self, state: Sequence[Mapping[str, Any]]) -> None:
        """Continue from what `state_dict` returned."""
        self._kept = msgspec.convert(list(state), list[ChangeEvent])


def part_of(change: ChangeEvent, entities: Collection[str]) -> str | None:
    """Return the entity that a change event is about, None if it is about none of these.

    The first of its names that one of them has; else the only one that ends in it, as in
    ``<namespace>/<name>``.
    """
    for name in change.entities:
        if name in entities:
            return name
    for name in change.entities:
        ending = [entity for entity in entities if entity.rpartition("/")[2] == name]
        if len(ending) == 1:
            return ending[0]
    return None


def _time(change: ChangeEvent) -> float:
    return change.time


def _order(change: ChangeEvent) -> tuple[float, str]:
    return change.time, change.key
