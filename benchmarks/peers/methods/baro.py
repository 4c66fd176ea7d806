"""BARO's scorers (Pham, Ha, Zhang 2024), from the package fse-baro.

Both are signed maxima of scaled values after the onset, told to them as `inject_time`.
"""

import pandas as pd
from baro.root_cause_analysis import nsigma as _nsigma
from baro.root_cause_analysis import robust_scorer as _robust_scorer

from peers.case import Case

__all__ = ["nsigma", "robust_scorer"]


def nsigma(case: Case) -> dict[str, float]:
    """N-sigma: mean and standard deviation of the base."""
    return _by_rank(_nsigma(_frame(case), inject_time=len(case.base))["ranks"], case)


def robust_scorer(case: Case) -> dict[str, float]:
    """RobustScorer: median and interquartile range of the base."""
    return _by_rank(_robust_scorer(_frame(case), inject_time=len(case.base))["ranks"], case)


def _frame(case: Case) -> pd.DataFrame:
    """Return the rows; columns are numbers, as the package knows some words in names."""
    frame = pd.concat([pd.DataFrame(case.base), pd.DataFrame(case.anomalous)], ignore_index=True)
    frame.columns = [f"m{i}" for i in range(len(case.names))]
    frame["time"] = range(len(frame))
    return frame


def _by_rank(ranks: list[str], case: Case) -> dict[str, float]:
    return {case.names[int(name[1:])]: -float(place) for place, name in enumerate(ranks)}
