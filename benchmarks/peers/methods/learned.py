"""Graphs learned from the incident, then a walk from the KPIs against their edges.

PC (Spirtes, Glymour 1991; package causal-learn), VARLiNGAM (Hyvarinen et al. 2010; lingam), PCMCI
(Runge et al. 2019; tigramite). Every one gets the last 1000 rows of the base and the anomalous
rows of the metrics that move, standardised, with noise of a millionth against exact copies.
"""

import numpy as np
from causallearn.search.ConstraintBased.PC import pc
from lingam import ICALiNGAM, VARLiNGAM
from numpy.typing import NDArray
from tigramite.data_processing import DataFrame
from tigramite.independence_tests.parcorr import ParCorr
from tigramite.pcmci import PCMCI

from peers.case import Case
from peers.methods.structure import moving
from peers.methods.walk import walk

__all__ = ["lingam_pagerank", "pc_pagerank", "pc_walk", "pcmci_walk", "varlingam_walk"]

Floats = NDArray[np.float64]
BASE_ROWS = 1000
NOISE = 1e-6
ALPHA = 0.05
LAGS = 1


def pc_pagerank(case: Case) -> dict[str, float]:
    """PC, then PageRank against the edges (Pham et al. 2024, RCAEval)."""
    case = moving(case)
    return walk(case, _pc(_rows(case)), anomalies=False)


def pc_walk(case: Case) -> dict[str, float]:
    """PC, then the walk."""
    case = moving(case)
    return walk(case, _pc(_rows(case)), anomalies=True)


def lingam_pagerank(case: Case) -> dict[str, float]:
    """ICA-LiNGAM (Shimizu et al. 2006), then PageRank against the edges."""
    case = moving(case)
    model = ICALiNGAM(random_state=0)
    model.fit(_rows(case))
    return walk(case, np.abs(model.adjacency_matrix_).T, anomalies=False)


def varlingam_walk(case: Case) -> dict[str, float]:
    """VARLiNGAM with one lag, both its matrices, then the walk."""
    case = moving(case)
    model = VARLiNGAM(lags=LAGS, random_state=0)
    model.fit(_rows(case))
    return walk(case, np.abs(model.adjacency_matrices_).sum(axis=0).T, anomalies=True)


def pcmci_walk(case: Case) -> dict[str, float]:
    """PCMCI with partial correlation and one lag, links of p <= .05, then the walk."""
    case = moving(case)
    model = PCMCI(DataFrame(_rows(case)), ParCorr(), verbosity=0)
    found = model.run_pcmci(tau_max=LAGS, pc_alpha=ALPHA)
    strength = np.where(found["p_matrix"] <= ALPHA, np.abs(found["val_matrix"]), 0.0)
    return walk(case, strength.max(axis=2), anomalies=True)


def _rows(case: Case) -> Floats:
    x = np.vstack([case.base[-BASE_ROWS:], case.anomalous])
    std = x.std(axis=0)
    z = (x - x.mean(axis=0)) / np.where(std > 0.0, std, 1.0)
    return np.asarray(z + NOISE * np.random.default_rng(0).normal(size=z.shape))


def _pc(x: Floats) -> Floats:
    """Return 1 where row causes column; undirected edges go both ways."""
    found = pc(x, ALPHA, "fisherz", show_progress=False).G.graph
    # causal-learn: -1 at [i, j] is a tail at i, so i -> j has -1 there and 1 at [j, i].
    return np.asarray((found == -1).astype(np.float64))
