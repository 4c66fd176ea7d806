"""SIGHUP: the configuration is read again, and its log level holds without a restart."""

import signal
from collections.abc import Callable, Iterator
from typing import Self

import msgspec
import structlog

from coral.daemon.log import set_level
from coral.daemon.signals import Asked
from coral.errors import ConfigError
from coral.settings import Settings
from coral.settings.problem import Path, key_of

__all__ = ["Reload"]

log = structlog.stdlib.get_logger()

_LEVEL: Path = ("log", "level")


class Reload:
    """Applies `log.level` after a SIGHUP, and names what else would need a restart.

    The handler only takes a note; `poll` reads and logs, because a handler may interrupt the log
    in the middle of a line.

    Parameters
    ----------
    read : callable
        Reads file, environment and flags again, as at the start.
    settings : Settings
        What was read at the start.

    Examples
    --------
    >>> with Reload(read, settings) as reload:  # doctest: +SKIP
    ...     Loop(..., progress=lambda _: reload.poll()).run()
    """

    def __init__(self, read: Callable[[], Settings], settings: Settings) -> None:
        self._read = read
        self._values = dict(_values(settings))
        self._asked = Asked(signal.SIGHUP)

    def __enter__(self) -> Self:
        self._asked.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._asked.__exit__()

    def poll(self) -> bool | None:
        """Do what was asked for since the last call.

        Returns
        -------
        bool or None
            Whether the configuration was accepted; None: nobody asked.
        """
        return self._apply() if self._asked.take() else None

    def _apply(self) -> bool:
        try:
            settings = self._read()
        except ConfigError as error:
            level = self._values[_LEVEL]  # it holds
            log.error("configuration_refused", reason=str(error), log_level=level)
            return False
        before, found = self._values[_LEVEL], dict(_values(settings))
        self._values[_LEVEL] = settings.log.level
        changed = {path for path, _ in self._values.items() ^ found.items()}
        # Whoever sent the signal gets an answer, whatever the level is and was.
        set_level("info")
        log.info("configuration_read", log_level=settings.log.level, log_level_before=before)
        if changed:
            log.warning("restart_needed", changed=sorted(map(key_of, changed)))
        set_level(settings.log.level)
        return True


def _values(held: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Yield the path and value of every setting."""
    if isinstance(held, msgspec.Struct):
        for key in held.__struct_fields__:
            yield from _values(getattr(held, key), (*path, key))
    elif isinstance(held, dict):
        for key, inner in held.items():
            yield from _values(inner, (*path, key))
    else:
        yield path, held
