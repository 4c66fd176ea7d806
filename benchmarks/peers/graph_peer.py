"""One causal discovery method on one table of rows; runs in the peers' own environment.

usage: graph_peer.py METHOD ROWS.npy LAGS CPU_SECONDS
Prints JSON: CPU seconds of the one call (imports excluded) and the coefficients or marks found as
[lag, cause, effect, value]. The process is killed by the kernel when it exceeds its CPU seconds.
"""

import json
import resource
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
# The search on rows that are given: (lags + 1, cause, effect) coefficients or marks.
Search = Callable[[], Floats]

ALPHA = 0.01
DAGMA_THRESHOLD = 0.1


def pc(rows: Floats, lags: int) -> Search:
    """PC with Fisher's z on the series and their lags; time orders what it can."""
    from causallearn.search.ConstraintBased.PC import pc as search

    def run() -> Floats:
        found = search(rows, ALPHA, "fisherz", show_progress=False).G.graph
        return np.where((found == 1) & (found.T == -1), 1.0, 0.0).T[None]

    return run


def varlingam(rows: Floats, lags: int) -> Search:
    """VARLiNGAM with its defaults, pruned by adaptive lasso."""
    from lingam import VARLiNGAM

    def run() -> Floats:
        model = VARLiNGAM(lags=lags, criterion=None, prune=True)
        return np.transpose(model.fit(rows).adjacency_matrices_, (0, 2, 1))

    return run


def pcmci(rows: Floats, lags: int) -> Search:
    """PCMCI with partial correlation."""
    from tigramite.data_processing import DataFrame
    from tigramite.independence_tests.parcorr import ParCorr
    from tigramite.pcmci import PCMCI

    def run() -> Floats:
        model = PCMCI(DataFrame(rows), ParCorr(), verbosity=0)
        found = model.run_pcmci(tau_min=0, tau_max=lags, alpha_level=ALPHA, pc_alpha=ALPHA)
        marks = (found["graph"] == "-->") | (found["graph"] == "o-o")
        return np.transpose(marks * found["val_matrix"], (2, 0, 1))

    return run


def dagma(rows: Floats, lags: int) -> Search:
    """DAGMA's linear model on the rows, lag 0 only."""
    from dagma.linear import DagmaLinear

    def run() -> Floats:
        found = DagmaLinear(loss_type="l2").fit(rows, lambda1=0.05, w_threshold=DAGMA_THRESHOLD)
        return np.asarray(found[None])

    return run


METHODS = {"pc": pc, "varlingam": varlingam, "pcmci": pcmci, "dagma": dagma}


def main() -> None:
    """Run the method named on the command line."""
    method, path, lags, limit = sys.argv[1:5]
    warnings.simplefilter("ignore")
    run = METHODS[method](np.load(path), int(lags))
    spent = int(time.process_time())
    resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + spent, int(limit) + spent + 1))
    start = time.process_time()
    found = run()
    seconds = time.process_time() - start
    edges = [[*map(int, place), float(found[tuple(place)])] for place in np.argwhere(found)]
    sys.stdout.write("\n" + json.dumps({"seconds": seconds, "edges": edges}) + "\n")


if __name__ == "__main__":
    main()
