"""Every method of the table: what it is called, where it lives, what it needs."""

import ast
import hashlib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import peers
from peers.case import Case, kind_of, of_kinds
from peers.environments import digest
from peers.recordings import Labelled

__all__ = ["CHANCE", "METHODS", "Method", "fingerprint", "not_meant_for", "view"]

CHANCE = "chance"
WITHOUT_KPI = ("asd", "smd")
WITHOUT_EDGES = ("skab", *WITHOUT_KPI)


class Method(NamedTuple):
    """A method of the table.

    Parameters
    ----------
    label : str
        As it is called in the table.
    function : str
        ``module:function`` below `peers.methods`; empty for what is computed from the truth.
    environment : str
        Of `requirements-*.txt`; empty for the project's own.
    only : tuple of str
        Sets it runs on; empty for all.
    not_on : tuple of str
        Sets that lack what it needs.
    kpi_kind_on : tuple of str
        Sets on which it gets only the metrics of the KPI's kind, as PetShop's benchmark does.
    takes_gaps : bool
        Whether missing cells are left as they are.
    source : str
        Who says so.
    """

    label: str
    function: str
    environment: str = ""
    only: tuple[str, ...] = ()
    not_on: tuple[str, ...] = ()
    kpi_kind_on: tuple[str, ...] = ()
    takes_gaps: bool = False
    source: str = "own lines"

    @property
    def target(self) -> str:
        """Return what a worker imports."""
        return f"peers.methods.{self.function}"


BARO = "package fse-baro; Pham, Ha, Zhang, FSE 2024"
PYRCA = "package sfr-pyrca; Liu et al., 2023"
PETSHOP = "formula; Hardt et al., PetShop, CLeaR 2024"

METHODS: dict[str, Method] = {
    CHANCE: Method("chance (exact)", "", source="expectation of a random order"),
    "largest_z": Method("largest abs z", "deviations:largest_z"),
    "largest_z_kpi": Method(
        "largest abs z @kpi", "deviations:largest_z", only=("petshop",), kpi_kind_on=("petshop",)
    ),
    "mean_shift": Method("mean shift z", "deviations:mean_shift"),
    "mean_shift_kpi": Method(
        "mean shift z @kpi", "deviations:mean_shift", only=("petshop",), kpi_kind_on=("petshop",)
    ),
    "robust_z": Method("robust z, two-sided", "deviations:robust_z"),
    "earliest_onset": Method("earliest onset", "deviations:earliest_onset"),
    "percent_change": Method("one-minute percent change", "deviations:percent_change"),
    "baro": Method("BARO RobustScorer", "baro:robust_scorer", "baro", source=BARO),
    "nsigma": Method("BARO's N-sigma (signed)", "baro:nsigma", "baro", source=BARO),
    "circa": Method(
        "CIRCA (graph)",
        "circa:regression_test",
        "circa",
        not_on=WITHOUT_EDGES,
        kpi_kind_on=("petshop",),
        source="package circa-clue; Li et al., KDD 2022",
    ),
    "pyrca_ht": Method(
        "PyRCA hypothesis test (graph)",
        "pyrca:hypothesis_test",
        "pyrca",
        not_on=WITHOUT_EDGES,
        kpi_kind_on=("petshop",),
        source=PYRCA,
    ),
    "pyrca_walk": Method(
        "PyRCA random walk (graph)",
        "pyrca:random_walk",
        "pyrca",
        not_on=WITHOUT_EDGES,
        kpi_kind_on=("petshop",),
        source=PYRCA,
    ),
    "pyrca_rcd": Method("PyRCA RCD", "pyrca:rcd", "pyrca", kpi_kind_on=("petshop",), source=PYRCA),
    "ranked_correlation": Method(
        "PetShop ranked correlation (graph)",
        "petshop:ranked_correlation",
        not_on=WITHOUT_KPI,
        kpi_kind_on=("petshop",),
        takes_gaps=True,
        source=PETSHOP,
    ),
    "traversal": Method(
        "PetShop traversal (graph)",
        "petshop:traversal",
        not_on=WITHOUT_EDGES,
        kpi_kind_on=("petshop",),
        takes_gaps=True,
        source=PETSHOP,
    ),
    "pc_pagerank": Method(
        "PC + PageRank",
        "learned:pc_pagerank",
        "learned",
        kpi_kind_on=("petshop",),
        source="package causal-learn",
    ),
    "lingam_pagerank": Method(
        "LiNGAM + PageRank",
        "learned:lingam_pagerank",
        "learned",
        kpi_kind_on=("petshop",),
        source="package lingam",
    ),
    "pc_walk": Method(
        "PC + walk",
        "learned:pc_walk",
        "learned",
        kpi_kind_on=("petshop",),
        source="package causal-learn",
    ),
    "varlingam_walk": Method(
        "VARLiNGAM + walk",
        "learned:varlingam_walk",
        "learned",
        kpi_kind_on=("petshop",),
        source="package lingam",
    ),
    "pcmci_walk": Method(
        "PCMCI + walk",
        "learned:pcmci_walk",
        "learned",
        kpi_kind_on=("petshop",),
        source="package tigramite",
    ),
}


def not_meant_for(method: Method, dataset: str) -> bool:
    """Whether the set lacks what the method needs."""
    return dataset in method.not_on or (bool(method.only) and dataset not in method.only)


def view(method: Method, dataset: str, labelled: Labelled) -> Case:
    """Return what the method gets of a case."""
    case = labelled.gaps if method.takes_gaps else labelled.case
    if dataset not in method.kpi_kind_on:
        return case
    return of_kinds(case, {kind_of(name) for name in case.kpi})


@cache
def fingerprint(name: str) -> str:
    """Return a checksum of all that decides a method's answers: its code and its packages.

    Results with another one are stale. Comments and layout do not count.
    """
    method = METHODS[name]
    folder = Path(peers.__file__).parent
    files = [folder / f"{stem}.py" for stem in ("case", "recordings", "worker", "scoring")]
    files += [folder / "methods" / f"{stem}.py" for stem in _modules(method)]
    told = hashlib.sha256(repr(method._replace(label="", source="")).encode())
    for file in files:
        told.update(ast.unparse(ast.parse(file.read_text())).encode())
    told.update(digest(method.environment).encode())
    return told.hexdigest()[:12]


def _modules(method: Method) -> list[str]:
    """Return the modules of a method, with those that they stand on."""
    first = method.function.partition(":")[0]
    beneath = {
        "pyrca": ["deviations", "structure"],
        "circa": ["structure"],
        "learned": ["deviations", "structure", "walk"],
    }
    return [first, *beneath.get(first, [])] if first else []
