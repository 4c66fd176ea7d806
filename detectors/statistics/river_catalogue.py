"""Which detectors of river can be a statistic of the trigger, and what is read from each.

River itself is imported when one of them is asked for, not before.
"""

import difflib
import importlib
import inspect
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias

__all__ = ["CATALOGUE", "Entry", "RiverDetector", "Setting", "parse", "problems"]

Setting: TypeAlias = str | dict[str, str | int | float]
"""A detector as it is configured: its name, or a table of its class and parameters."""


class Entry(NamedTuple):
    """How the trigger uses a class of river.

    Parameters
    ----------
    per_series : bool
        Whether it takes single numbers, so that every series needs one of its own.
    read : callable
        Of a detector of single numbers its present value, of one of rows the value of a score;
        NaN where it says nothing.
    span : int
        Rows that a value is made of, for the dating of an alarm.
    rows : int
        Rows after which a new generation takes over, its ``window_size`` at least.
    most_series : int
        Most series that it can watch; 0 = any number.
    unit : bool
        Whether it expects features between 0 and 1, not z-scores.
    unset : mapping
        Parameters in place of river's defaults: its own threshold, at which it would begin anew,
        is not used unless it is set. The trigger's limit decides, so that the budget holds.
    """

    per_series: bool
    read: Callable[[Any], float]
    span: int
    rows: int
    most_series: int = 0
    unit: bool = False
    unset: Mapping[str, float] = MappingProxyType({})


def _adwin(detector: Any) -> float:
    """Mean of the adaptive window, in the standard errors of that many independent z-scores.

    River publishes no test statistic. When a window is cut, its mean jumps to the new level.
    """
    return float(abs(detector.estimation) * math.sqrt(detector.width))


def _kswin(detector: Any) -> float:
    """Minus log of the p-value of the newest Kolmogorov-Smirnov test, nats; NaN without a test."""
    if len(detector.window) < detector.window_size and not detector.drift_detected:
        return math.nan
    return -math.log(max(float(detector.p_value), 1e-300))


def _page_hinkley(detector: Any) -> float:
    """Larger of the two sums that are held against the threshold; river does not publish them."""
    up = detector._sum_increase - detector._min_increase  # noqa: SLF001
    down = detector._max_decrease - detector._sum_decrease  # noqa: SLF001
    sides = {"up": up, "down": down}
    return float(sides.get(detector.mode, max(up, down)))


def _share(score: float) -> float:
    """Minus log of what a score leaves to 1, nats: a score that ends at 1 has no tail."""
    return -math.log(max(1.0 - score, 1e-12))


CATALOGUE: Final[Mapping[str, Entry]] = {
    "river.anomaly.HalfSpaceTrees": Entry(False, _share, span=12, rows=64, unit=True),
    "river.anomaly.LODA": Entry(False, float, span=12, rows=256),
    "river.anomaly.OneClassSVM": Entry(False, float, span=12, rows=256),
    "river.drift.ADWIN": Entry(True, _adwin, span=64, rows=512, most_series=1000),
    # A test costs half a millisecond or more, and a generation makes none before its window is
    # full: so generations are as short as that.
    "river.drift.KSWIN": Entry(
        True, _kswin, span=30, rows=1, most_series=300, unset={"alpha": 0.0}
    ),
    "river.drift.PageHinkley": Entry(
        True, _page_hinkley, span=64, rows=512, most_series=1000, unset={"threshold": math.inf}
    ),
}
"""Classes that can be configured: those of one number or of a row that need no label."""

# What bounds memory and time; every other whole number may be as large as the configuration says.
_MOST: Final = {"window_size": 4096, "height": 10, "n_trees": 100, "n_random_cuts": 500}


class RiverDetector(NamedTuple):
    """A class of the catalogue with the parameters that are not left at river's defaults."""

    name: str
    parameters: Mapping[str, str | int | float]

    @property
    def entry(self) -> Entry:
        """How the trigger uses it."""
        return CATALOGUE[self.name]

    @property
    def key(self) -> str:
        """Name and parameters; two that are the same are the same statistic."""
        return json.dumps([self.name, dict(self.parameters)], sort_keys=True)

    def make(self, seed: int = 0) -> Any:
        """Return a new one; what is random in it is drawn from `seed`, unless one is set."""
        kind = _class(self.name)
        given = {**self.entry.unset, **self.parameters}
        if "seed" in inspect.signature(kind).parameters:
            given.setdefault("seed", seed)
        return kind(**given)


def parse(setting: Setting) -> RiverDetector:
    """Return the detector that is configured, unchecked; see `problems`."""
    given = {"class": setting} if isinstance(setting, str) else dict(setting)
    return RiverDetector(str(given.pop("class", "")), given)


def problems(settings: Sequence[Setting]) -> Iterator[tuple[int, str]]:
    """Yield the place of each configured detector that breaks a rule, and the rule.

    Examples
    --------
    >>> list(problems(["river.drift.ADWIN", {"class": "river.drift.PageHinkley", "delta": "x"}]))
    [(1, 'a number expected as delta of river.drift.PageHinkley')]
    """
    seen: set[str] = set()
    for number, setting in enumerate(settings):
        detector = parse(setting)
        broken = _problem(detector)
        if broken is None and detector.name in seen:
            broken = f"{detector.name} once expected"
        seen.add(detector.name)
        if broken is not None:
            yield number, broken


def _problem(detector: RiverDetector) -> str | None:
    name = detector.name
    if name not in CATALOGUE:
        return f"a class out of {', '.join(CATALOGUE)} expected{_hint(name, CATALOGUE)}"
    try:
        known = _parameters(_class(name))
    except ImportError as error:
        return f"river expected, which cannot be imported ({error})"
    for key, value in detector.parameters.items():
        if key not in known:
            return f"parameters of {name} out of {', '.join(known)} expected{_hint(key, known)}"
        rule = _value_problem(key, known[key], value)
        if rule is not None:
            return f"{rule} expected as {key} of {name}"
    try:
        _try(detector)
    except Exception as error:  # noqa: BLE001 - whatever river says of its parameters
        return f"parameters that {name} takes expected ({error})"
    return None


def _hint(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f" (did you mean `{near[0]}`?)" if near else ""


def _class(name: str) -> Any:
    module, _, kind = name.rpartition(".")
    return getattr(importlib.import_module(module), kind)


def _parameters(kind: Any) -> dict[str, Any]:
    """Return the parameters that are plain values, with their defaults; a seed is a number."""
    held = {key: held.default for key, held in inspect.signature(kind).parameters.items()}
    held = {key: 0 if key == "seed" else value for key, value in held.items()}
    return {key: value for key, value in held.items() if isinstance(value, (int, float, str))}


def _value_problem(key: str, default: Any, value: Any) -> str | None:
    """Return the rule that the value of a parameter breaks, None if it is of river's kind."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if isinstance(default, int):
        least, most = (0 if key == "seed" else 1), _MOST.get(key, 2**31 - 1)
        whole = isinstance(value, int) and number and least <= value <= most
        return None if whole else f"a whole number of {least}..{most}"
    if isinstance(default, float):
        return None if number and not math.isnan(value) else "a number"
    return None if isinstance(value, str) else "text"


def _try(detector: RiverDetector) -> None:
    """Use one for as many rows as it needs to speak."""
    tried = detector.make()
    for row in range(getattr(tried, "window_size", 8) + 1):
        value = 0.5 + 0.4 * math.sin(row)
        if detector.entry.per_series:
            tried.update(value)
        else:
            detector.entry.read(tried.score_one({"x": value}))
            tried.learn_one({"x": value})
    if detector.entry.per_series:
        detector.entry.read(tried)
