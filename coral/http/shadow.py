"""How far a second configuration agrees with the main one, over the same rows."""

from collections.abc import Iterable
from typing import Final

import msgspec

from coral.contract.events import unix
from coral.http.state import Brief

__all__ = [
    "MOST_EPISODES",
    "WEEK_S",
    "ShadowList",
    "ShadowPair",
    "ShadowSystem",
    "compared",
    "recent",
]

WEEK_S: Final = 604_800.0
"""So far back incidents and changes are compared, event time."""
MOST_EPISODES: Final = 200
"""Of one system, on each side."""


class ShadowPair(msgspec.Struct, frozen=True):
    """What both say of the same time, or one of them alone."""

    main: Brief | None  # None: the main configuration saw nothing then
    shadow: Brief | None
    differs: list[str]  # `kind`, `cause` (the first one), `tier`; empty where one is alone
    later_s: float | None  # alarm of the shadow after that of the main one; negative: before


class ShadowSystem(msgspec.Struct, frozen=True):
    """One system under both configurations, over the week before its newest incident or change."""

    system: str
    config: str  # digest of the second configuration
    since: str  # event time of the first row that both judged
    agreed: int  # seen by both, with nothing that differs
    differed: int  # seen by both
    main_only: int
    shadow_only: int
    pairs: list[ShadowPair]  # the newest onset first


class ShadowList(msgspec.Struct, frozen=True):
    """All systems of this process, by name."""

    systems: list[ShadowSystem]


def compared(
    system: str, config: str, since: str, main: Iterable[Brief], shadow: Iterable[Brief]
) -> ShadowSystem:
    """Return how far two configurations agree on a system.

    Two are about the same where the times from their onset to their newest row overlap; each has
    one partner at most, the earliest.

    Parameters
    ----------
    system, config, since : str
    main, shadow : iterable of Brief
        The newest state of each incident and change.
    """
    alone = sorted(shadow, key=_onset)
    pairs = []
    for ours in sorted(main, key=_onset):
        theirs = next((each for each in alone if _overlap(ours, each)), None)
        if theirs is not None:
            alone.remove(theirs)
        pairs.append(_pair(ours, theirs))
    pairs += [ShadowPair(None, each, [], None) for each in alone]
    pairs.sort(key=lambda pair: max(_onset(each) for each in (pair.main, pair.shadow) if each))
    both = [pair for pair in pairs if pair.main and pair.shadow]
    return ShadowSystem(
        system=system,
        config=config,
        since=since,
        agreed=sum(not pair.differs for pair in both),
        differed=sum(bool(pair.differs) for pair in both),
        main_only=sum(pair.shadow is None for pair in pairs),
        shadow_only=sum(pair.main is None for pair in pairs),
        pairs=pairs[::-1],
    )


def recent(episodes: Iterable[Brief], newest: float) -> list[Brief]:
    """Return what went on in the week before a time, unix s; of too many the newest."""
    kept = [each for each in episodes if unix(each.now) >= newest - WEEK_S]
    return sorted(kept, key=_onset)[-MOST_EPISODES:]


def _pair(main: Brief, shadow: Brief | None) -> ShadowPair:
    if shadow is None:
        return ShadowPair(main, None, [], None)
    facts = {
        "kind": (main.kind, shadow.kind),
        "cause": (main.causes[:1], shadow.causes[:1]),
        "tier": (main.tier, shadow.tier),
    }
    differs = [name for name, (ours, theirs) in facts.items() if ours != theirs]
    return ShadowPair(main, shadow, differs, unix(shadow.opened) - unix(main.opened))


def _overlap(one: Brief, other: Brief) -> bool:
    return _onset(one) <= unix(other.now) and _onset(other) <= unix(one.now)


def _onset(episode: Brief) -> float:
    return unix(episode.onset)
