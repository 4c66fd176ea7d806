"""What moved, and which way: the part of the scores by which an incident is recognised."""

import re
from collections.abc import Mapping

import numpy as np

from coral.localise.innovation import InnovationScores
from coral.localise.policy import RANKING, RecallPolicy
from coral.localise.ranking import rounded
from streams.series import entity_of

__all__ = ["alike", "signature", "similarity", "stem"]

# Random parts of Kubernetes names: "<deployment>-<template hash>-<5 characters>" and
# "<daemon set>-<5 characters>", without vowels (apimachinery, util/rand). Ordinals of stateful
# sets are identities and stay.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_REPLICA = re.compile(rf"(?<=.)(?:-{_RANDOM}{{6,10}})?-{_RANDOM}{{5}}$")


def stem(entity: str) -> str:
    """Name of an entity without what changes when it is replaced by another replica.

    Examples
    --------
    >>> stem("orders-7d9f8b6c5d-x2x4p"), stem("agent-8kq2z"), stem("kafka-0")
    ('orders', 'agent', 'kafka-0')
    """
    return _REPLICA.sub("", entity)


def signature(
    names: tuple[str, ...], series: InnovationScores, policy: RecallPolicy = RANKING.recall
) -> dict[str, float]:
    """Signed innovation scores of the series that moved most, strongest first.

    Parameters
    ----------
    names : tuple of str, length n
    series : InnovationScores
    policy : RecallPolicy

    Returns
    -------
    dict of str to float
        Scores before role weights, negative where the level fell; at most `policy.signed_series`.
    """
    signed = rounded(np.where(series.level < 0, -series.total, series.total))
    values: list[float] = signed.tolist()
    ordered = sorted(range(len(names)), key=lambda s: (-abs(values[s]), names[s]))
    # The shortest decimal, as arithmetic leaves it on every machine.
    kept = [s for s in ordered[: policy.signed_series] if values[s] != 0]
    return {names[s]: float(f"{values[s]:.6g}") for s in kept}


def similarity(one: Mapping[str, float], two: Mapping[str, float]) -> float:
    """Cosine of two signatures, 0 .. 1; replicas of one name are one entity.

    Notes
    -----
    The cosine does not change with the size of a fault. Signed scores, not their logarithm:
    what a fault does to its own entity then outweighs what every fault does to the health signals.
    """
    a, b = _by_stem(one), _by_stem(two)
    size = float(np.linalg.norm(list(a.values())) * np.linalg.norm(list(b.values())))
    return max(0.0, sum(_products(a, b).values()) / size) if size > 0 else 0.0


def alike(
    one: Mapping[str, float], two: Mapping[str, float], policy: RecallPolicy = RANKING.recall
) -> list[str]:
    """Series that make two signatures similar, most important first, without replica names."""
    shared = _products(_by_stem(one), _by_stem(two))
    named = sorted((name for name in shared if shared[name] > 0), key=lambda n: (-shared[n], n))
    return named[: policy.alike_series]


def _products(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {name: value * b[name] for name, value in a.items() if name in b}


def _by_stem(signed: Mapping[str, float]) -> dict[str, float]:
    """Strongest value of every stem and metric."""
    found: dict[str, float] = {}
    for name, value in signed.items():
        entity = entity_of(name)
        general = stem(entity) + name.removeprefix(entity)
        if abs(value) > abs(found.get(general, 0.0)):
            found[general] = value
    return found
