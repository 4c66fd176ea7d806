"""What a prior brings when it is right, and costs when a fifth of it is wrong."""

from typing import Any, NamedTuple

import numpy as np
from common import finish, options
from graph import SETTINGS, f1, interval, learned
from graph_synthetic import Floats, Incident, Setting, draw

from coral.graph import CausalGraph, Prior

Pairs = list[tuple[str, str]]
WRONG = 0.2


class Said(NamedTuple):
    """What is said beforehand, and which of it is wrong."""

    prior: Prior | None
    wrong: set[tuple[str, str]]


def entities(setting: Setting) -> list[str]:
    """Every series is an entity of its own."""
    return [f"e{i}" for i in range(setting.n_series)]


def priors(incident: Incident, setting: Setting, seed: int) -> dict[str, Said]:
    """Priors about the normal state by name; of all but the first two a fifth is wrong."""
    rng = np.random.default_rng(seed)
    linked = (incident.before != 0.0).any(axis=0)
    np.fill_diagonal(linked, val=False)
    apart = ~(linked | linked.T)
    np.fill_diagonal(apart, val=False)
    true, false = (_named(rng.permutation(np.argwhere(chosen))) for chosen in (linked, apart))
    names, n_wrong = entities(setting), round(WRONG * len(true))
    right, turned = true[n_wrong:], [(effect, cause) for cause, effect in true[:n_wrong]]
    none_wrong: set[tuple[str, str]] = set()
    return {
        "no prior": Said(None, none_wrong),
        "all edges known": Said(Prior(names, edges=true), none_wrong),
        "known, a fifth is no edge": Said(
            Prior(names, edges=right + false[:n_wrong]), set(false[:n_wrong])
        ),
        "known, a fifth the wrong way round": Said(Prior(names, edges=right + turned), set(turned)),
        "required, a fifth is no edge": Said(
            Prior(names, required=right + false[:n_wrong]), set(false[:n_wrong])
        ),
        "forbidden, a fifth is an edge": Said(
            Prior(names, forbidden=true[:n_wrong] + false[n_wrong : 5 * n_wrong]),
            set(true[:n_wrong]),
        ),
    }


def told(graph: CausalGraph, said: Said, setting: Setting) -> dict[str, float]:
    """Share of what was said wrong that is reported, and of what is reported that was wrong."""
    found = {(c.cause, c.effect) for c in graph.contradicted(entities(setting))}
    nan = float("nan")
    return {
        "wrong_reported": len(found & said.wrong) / len(said.wrong) if said.wrong else nan,
        "reported_wrong": len(found & said.wrong) / len(found) if found else nan,
    }


def recall(found: Floats, true: Floats) -> float:
    """Share of the true edges that are found."""
    return float(((found != 0.0) & (true != 0.0)).sum() / (true != 0.0).sum())


def priors_accuracy(seeds: int) -> dict[str, Any]:
    """Shared part of the first setting with right and wrong priors."""
    setting = SETTINGS[0]
    runs: dict[str, list[dict[str, float]]] = {}
    for seed in range(seeds):
        incident = draw(1000 + seed, setting)
        for name, said in priors(incident, setting, seed).items():
            graph = learned(incident.normal, setting.lags, said.prior)
            found = {
                "shared_f1": f1(graph.invariant, incident.before),
                "recall": recall(graph.invariant, incident.before),
            }
            runs.setdefault(name, []).append(found | told(graph, said, setting))
    return {
        name: {key: interval([run[key] for run in found]) for key in found[0]}
        for name, found in runs.items()
    }


def main() -> None:
    """Measure, print, write."""
    chosen = options(__doc__ or "").parse_args()
    table = priors_accuracy(3 if chosen.quick else 10)
    figures = {name: row["shared_f1"][0] for name, row in table.items()}
    finish(chosen, figures, priors=table)


def _named(pairs: np.ndarray) -> Pairs:
    return [(f"e{cause}", f"e{effect}") for cause, effect in pairs.tolist()]


if __name__ == "__main__":
    main()
