"""Lets numba read compiled kernels from a file system that nobody may write to.

numba takes a folder for its cache only if it can write there, and fails where it finds none. In the
image the kernels lie beside their sources, on a read-only root, compiled for a CPU that every node
has; `NUMBA_CACHE_LOCATOR_CLASSES=baked_kernels.BakedCacheLocator` makes numba look there.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from numba.core.caching import IndexDataCacheFile, InTreeCacheLocator

__all__ = ["BakedCacheLocator"]

_save: Callable[[Any, Any, Any], None] = IndexDataCacheFile.save


def _save_where_possible(file: IndexDataCacheFile, key: Any, data: Any) -> None:
    """Keep what was compiled where that is possible: a missing kernel costs time, no more.

    A kernel is missing when somebody sets `NUMBA_CPU_NAME` to another value than the image has.
    """
    with suppress(OSError):
        _save(file, key, data)


IndexDataCacheFile.save = _save_where_possible  # type: ignore[method-assign]


class BakedCacheLocator(InTreeCacheLocator):
    """The folder of compiled files beside the source, writable or not."""

    def ensure_cache_path(self) -> None:
        """Take it as it is."""
