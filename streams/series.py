"""Names of series, and the registry of those of one system: a name keeps its index."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAX_NAME: Final = 512
"""Longest series name, in characters."""

# Where one label of a name ends and the next one begins; a value may hold a comma.
_NEXT_LABEL = re.compile(r",(?=[^,=]+=)")
_TRACKED_ENTITIES = 1024
_MOST_WANTED = 10_000


def name_problem(name: str) -> str | None:
    """Return the rule of a series name that `name` breaks, None if it is well formed.

    The form is ``<entity>:<metric>``, split at the first ``:``, both sides not empty, at most
    `MAX_NAME` characters, encodable as UTF-8.
    """
    entity, _, metric = name.partition(":")
    if not entity or not metric:
        return "name of the form <entity>:<metric> expected"
    if len(name) > MAX_NAME:
        return f"name of at most {MAX_NAME} characters expected, got {len(name)}"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "name that can be written as UTF-8 expected, got a lone surrogate"
    return None


def canonical(name: str) -> str:
    """Return a name in Unicode's form NFC: what reads the same and means the same is one name.

    Examples
    --------
    >>> len("größe"), len("gro\u0308ße"), canonical("gro\u0308ße") == "größe"
    (5, 6, True)
    """
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def entity_of(name: str) -> str:
    """Return the entity of a series name: the part before the first ``:``.

    Metric names of recording rules contain ``:`` (``job:http_requests:rate5m``), entity names do
    not, hence the first one separates.
    """
    return name.partition(":")[0]


def parts_of(name: str, names: Sequence[str]) -> list[int]:
    """Return the places of the series that a name stands for where it leaves labels out.

    They are of its metric and have all of its labels, in any order, and more. A name that occurs
    itself stands for nothing else.

    Parameters
    ----------
    name : str
    names : sequence of str
        Series that occur.

    Examples
    --------
    >>> there = ["web:p95{code=200,verb=GET}", "web:p95{code=500,verb=GET}", "web:p99{code=200}"]
    >>> parts_of("web:p95", there), parts_of('web:p95{code="500"}', there), parts_of("web", there)
    ([0, 1], [1], [])
    """
    if name in names:
        return []
    metric, wanted = _labels_of(name)
    return [
        at
        for at, other in enumerate(names)
        if other.startswith(f"{metric}{{") and wanted <= _labels_of(other)[1]
    ]


def _labels_of(name: str) -> tuple[str, set[tuple[str, str]]]:
    """Return a name without the labels in braces at its end, and these."""
    metric, brace, rest = name.partition("{")
    if not brace or not rest.endswith("}"):
        return name, set()
    pairs = (pair.partition("=") for pair in _NEXT_LABEL.split(rest[:-1]) if pair)
    return metric, {(key.strip(), value.strip(' "')) for key, _, value in pairs}


class SeriesRegistry:
    """Name to index, growing at the end, with a hard cap.

    First come, first served: a series beyond the cap is refused until there is room, and counted
    under its entity. An entity has more than half of the places only while no other wants them:
    `make_room` takes back what is above. Not safe for use by several threads.

    Parameters
    ----------
    max_series : int
        Number of series never exceeded, >= 1.

    Examples
    --------
    >>> registry = SeriesRegistry(max_series=2)
    >>> registry.index(("cart:cpu", "cart:mem", "pod-7f:cpu")).tolist()
    [0, 1, -1]
    >>> registry.top_refused()
    [('pod-7f', 1)]
    """

    def __init__(self, max_series: int) -> None:
        if max_series < 1:
            raise ValueError(f"`SeriesRegistry` requires max_series >= 1, got {max_series!r}.")
        self._max_series = max_series
        self._index: dict[str, int] = {}
        self._names: tuple[str, ...] = ()
        self._refused: Counter[str] = Counter()
        self._quota = max(max_series // 2, 1)
        self._held: Counter[str] = Counter()  # series of each entity
        # Refused since the last call of `make_room`, by entity, and how many that are.
        self._wanted: dict[str, set[str]] = {}
        self._wants = 0
        self._contested = False

    def __len__(self) -> int:
        return len(self._index)

    @property
    def max_series(self) -> int:
        """Number of series never exceeded."""
        return self._max_series

    @property
    def names(self) -> tuple[str, ...]:
        """Names in order of index; the same object until a series is added or has left."""
        return self._names

    def find(self, name: str) -> int:
        """Return the index of a name, -1 if it has none; adds nothing."""
        at = self._index.get(name)
        return self._index.get(canonical(name), -1) if at is None else at

    def index(self, names: Sequence[str]) -> NDArray[np.intp]:
        """Return the index of each name, adding new ones.

        Parameters
        ----------
        names : sequence of str, length n

        Returns
        -------
        ndarray of shape (n,), intp
            -1 for a refused name.
        """
        known = self._index
        before = len(known)
        found = np.empty(len(names), dtype=np.intp)
        for i, name in enumerate(names):
            at = known.get(name)
            if at is None:
                at = self._add(canonical(name))
            found[i] = at
        if len(known) != before:
            self._names = tuple(known)
        return found

    def keep(self, at: NDArray[np.intp]) -> None:
        """Forget all names but those with these indices, ascending; they move up."""
        self._names = tuple(self._names[i] for i in at.tolist())
        self._index = {name: i for i, name in enumerate(self._names)}
        self._held = Counter(map(entity_of, self._names))

    @property
    def crowded(self) -> bool:
        """Whether a series was refused since the last call of `make_room`."""
        return bool(self._wanted)

    def make_room(self, silent: Sequence[int]) -> list[int]:
        """Return the places to give up for what was refused since the last call.

        First those that are silent; then the newest of an entity that has more than half of all.
        Such an entity has silent ones of its own replaced alone, and until the next call it cannot
        take what has become free, if it is others who wait for it.

        Parameters
        ----------
        silent : sequence of int
            Places of silent series, the most dispensable first.
        """
        held, going = self._held.copy(), dict[int, None]()
        more = {entity: len(names) for entity, names in self._wanted.items()}
        rooms = {entity: self._quota - held[entity] for entity in more}
        others = sum(min(more.pop(entity), room) for entity, room in rooms.items() if room > 0)
        self._wanted, self._wants, self._contested = {}, 0, others > 0
        for place in silent:
            entity = entity_of(self._names[place])
            if others > 0:
                others -= 1
            elif more.get(entity, 0) > 0:
                more[entity] -= 1
            else:
                continue
            going[place] = None
            held[entity] -= 1
        for place in range(len(self._names) - 1, -1, -1):
            entity = entity_of(self._names[place])
            if others > 0 and held[entity] > self._quota and place not in going:
                others -= 1
                going[place] = None
                held[entity] -= 1
        return [*going]

    def state(self) -> dict[str, Any]:
        """Return what it knows of those it refused, for a checkpoint that has the names."""
        wanted = {entity: sorted(names) for entity, names in self._wanted.items()}
        return {"wanted": wanted, "contested": self._contested}

    def load(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self._wanted = {entity: set(names) for entity, names in state["wanted"].items()}
        self._wants = sum(map(len, self._wanted.values()))
        self._contested = state["contested"]

    def top_refused(self, count: int = 5) -> list[tuple[str, int]]:
        """Return the entities with the most refused look-ups, largest first."""
        return self._refused.most_common(count)

    def _add(self, name: str) -> int:
        known = self._index.get(name)
        if known is not None:  # in its canonical form
            return known
        at, entity = len(self._index), entity_of(name)
        over = self._contested and self._held[entity] >= self._quota
        if at < self._max_series and not over:
            self._index[name] = at
            self._held[entity] += 1
            return at
        names = self._wanted.setdefault(entity, set()) if self._wants < _MOST_WANTED else set()
        if len(names) < self._quota and name not in names:
            names.add(name)
            self._wants += 1
        self._refused[entity] += 1
        if len(self._refused) > _TRACKED_ENTITIES:
            # Keep memory bounded when every entity name is new: the small ones are forgotten.
            self._refused = Counter(dict(self._refused.most_common(_TRACKED_ENTITIES // 2)))
        return -1
