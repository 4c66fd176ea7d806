"""What a policy is: numbers that belong together, checked when made, and ready for a kernel."""

from dataclasses import fields
from functools import cache
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from detectors._validate import check_integer

__all__ = ["Policy"]


class Policy:
    """Numbers that belong together: integers >= 1 and real numbers > 0, or an error says which."""

    __slots__ = ()
    _MAY_BE_ZERO: ClassVar[frozenset[str]] = frozenset()

    def __post_init__(self) -> None:
        """Check every number."""
        for one in fields(self):  # type: ignore[arg-type]
            zero = one.name in self._MAY_BE_ZERO
            value = getattr(self, one.name)
            if one.type is int:
                check_integer(type(self).__name__, one.name, value, 0 if zero else 1)
            elif one.type is float:
                self._require(
                    one.name, value >= 0.0 if zero else value > 0.0, f"{'>=' if zero else '>'} 0.0"
                )

    def _require(self, name: str, holds: bool, rule: str) -> None:
        """Raise where a rule does not hold."""
        if not holds:
            raise ValueError(
                f"`{type(self).__name__}` requires {name} {rule}, got {name}={getattr(self, name)}."
            )

    def record(self, **derived: float) -> NDArray[np.void]:
        """Return its numbers for a kernel: a structured array of shape (1,), fields by name.

        Parameters
        ----------
        derived
            Further fields: what a kernel needs and another part decides.
        """
        values = {one.name: getattr(self, one.name) for one in fields(self)}  # type: ignore[arg-type]
        kinds = {one.name: one.type for one in fields(self)}  # type: ignore[arg-type]
        kinds |= {name: type(value) for name, value in derived.items()}
        values |= derived
        layout = tuple((name, "i8" if kinds[name] is int else "f8") for name in values)
        return np.array([tuple(values.values())], dtype=_dtype(layout))


@cache
def _dtype(layout: tuple[tuple[str, str], ...]) -> np.dtype[np.void]:
    """Return one object for one layout: numba finds the type of an array by it, call by call."""
    return np.dtype(list(layout), align=True)
