"""A second configuration over the same frames: what it would have said, published nowhere."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from typing import Any

import msgspec
import structlog

from coral import __version__
from coral.checkpoint.snapshot import DOES_NOT_FIT
from coral.config import digest
from coral.contract.events import Event, timestamp
from coral.engine import Engine
from coral.http.board import Board
from coral.http.shadow import ShadowList, ShadowSystem, compared, recent
from coral.http.state import Brief, brief
from coral.settings import Settings
from streams.records import Frame

__all__ = ["Shadow"]

log = structlog.stdlib.get_logger()

_KEY = "shadow"  # of a system's state in a checkpoint


class _Watched:
    """One system under the second configuration."""

    def __init__(self, engine: Engine, config: str) -> None:
        self.engine, self.config = engine, config
        self.since: float | None = None  # event time of the first row that both judged
        self.newest = 0.0  # of the newest one
        # The newest state of each incident and change of a week, by identifier.
        self.main: dict[str, Brief] = {}
        self.shadow: dict[str, Brief] = {}


class Shadow:
    """Engines of a second configuration, and how far they agree with the main ones.

    Nothing follows from what they say: no event is sent, and a defect in one of them ends it alone.

    Parameters
    ----------
    settings : Settings
        The second configuration; it differs in `engine` and `systems` alone.
    board : Board
        Gets how far both agree.
    remind : callable
        Tells a new engine of a system what people said of its incidents.
    """

    def __init__(
        self, settings: Settings, board: Board, remind: Callable[[str, Engine], None]
    ) -> None:
        self._settings, self._board, self._remind = settings, board, remind
        self._watched: dict[str, _Watched] = {}
        self._ended: set[str] = set()  # systems whose engine failed
        self._compared: dict[str, ShadowSystem] = {}
        self._show()

    def step(self, frame: Frame, events: Iterable[Event]) -> None:
        """Take a frame, and the events that it caused under the main configuration."""
        system = frame.system
        if system in self._ended:
            return
        watched = self._watched.get(system)
        if watched is None:
            watched = self._watched[system] = self._new(system)
            self._remind(system, watched.engine)
        try:
            told = watched.engine.step(frame)
        except Exception:  # whatever it is, the main configuration has nothing to do with it
            log.exception("shadow_failed", system=system, at=timestamp(frame.time))
            self.lose([system])
            self._ended.add(system)
            return
        if watched.since is None:
            watched.since = frame.time
        watched.newest = frame.time
        begun = bool(_note(watched.main, events)) | bool(_note(watched.shadow, told))
        for event in told:
            _log(event)
        if begun or watched.since == frame.time:
            self._compare(system, watched)

    def remind(self) -> None:
        """Tell all engines what people said; saying it twice changes nothing."""
        for system, watched in self._watched.items():
            self._remind(system, watched.engine)

    def keep(self, systems: Mapping[str, dict[str, Any]]) -> None:
        """Put what is needed to go on into the states of systems, for a checkpoint."""
        for system, state in systems.items():
            watched = self._watched.get(system)
            if watched is not None:
                state[_KEY] = {
                    "config": watched.config,
                    "engine": watched.engine.state_dict(),
                    "since": watched.since,
                    "newest": watched.newest,
                    "main": msgspec.to_builtins([*watched.main.values()]),
                    "shadow": msgspec.to_builtins([*watched.shadow.values()]),
                }

    def restore(self, systems: Mapping[str, Mapping[str, Any]]) -> None:
        """Go on with systems of a checkpoint.

        One that has not been watched, or was under another configuration, begins where the main
        one stands: as if the daemon had been started again with this configuration.
        """
        for system, state in systems.items():
            watched = self._new(system)
            held = state.get(_KEY)
            known = held is not None and held.get("config") == watched.config
            try:
                if held is not None and known:
                    _load(watched, held)
                else:
                    # The main engine goes on with the arrays of the other copy.
                    watched.engine.load_state_dict(deepcopy(state["engine"]))
            except DOES_NOT_FIT as error:
                log.warning("shadow_starts_anew", system=system, reason=str(error))
                watched = self._new(system)
            self._ended.discard(system)
            self._watched[system] = watched
            self._remind(system, watched.engine)
            if watched.since is not None:
                self._compare(system, watched)

    def lose(self, systems: Iterable[str]) -> None:
        """Forget what another member goes on with."""
        for system in systems:
            self._ended.discard(system)
            self._watched.pop(system, None)
            self._compared.pop(system, None)
        self._show()

    def _new(self, system: str) -> _Watched:
        config, engine = self._settings.system(system), self._settings.engine
        return _Watched(Engine(config, engine), digest(engine, __version__, config))

    def _compare(self, system: str, watched: _Watched) -> None:
        """Say anew how far both agree on a system."""
        for held in (watched.main, watched.shadow):
            kept = {each.incident: each for each in recent(held.values(), watched.newest)}
            held.clear()
            held.update(kept)
        self._compared[system] = compared(
            system,
            watched.config,
            timestamp(watched.since or watched.newest),
            watched.main.values(),
            watched.shadow.values(),
        )
        self._show()

    def _show(self) -> None:
        self._board.shadow = ShadowList([self._compared[name] for name in sorted(self._compared)])


def _note(held: dict[str, Brief], events: Iterable[Event]) -> int:
    """Note the newest state of what events are about; return how many there are."""
    told = {event.subject: brief(event) for event in events}
    held.update(told)
    return len(told)


def _load(watched: _Watched, held: Mapping[str, Any]) -> None:
    watched.engine.load_state_dict(held["engine"])
    watched.since, watched.newest = held["since"], held["newest"]
    for mine, kept in ((watched.main, held["main"]), (watched.shadow, held["shadow"])):
        mine.update((each.incident, each) for each in msgspec.convert(kept, list[Brief]))


def _log(event: Event) -> None:
    """Log when something begins and ends, as the main configuration's are."""
    data = event.data
    facts = {
        "system": data.system,
        "incident": data.incident,
        "kind": data.kind,
        "tier": data.tier,
        "causes": [cause.entity for cause in data.causes[:3]],
        "onset": data.trigger.onset,
    }
    if event.type == "io.coral.incident.opened.v1":
        log.info("shadow_opened", **facts)
    elif event.type == "io.coral.incident.resolved.v1":
        log.info("shadow_resolved", **facts, resolution=data.resolution)
