"""Names of the array types that tests speak of, and a way to say that a value must be there."""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

T = TypeVar("T")


def there(value: T | None) -> T:
    """The value, which a test needs and which is therefore not None."""
    assert value is not None
    return value
