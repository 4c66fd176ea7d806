"""The graph's benchmarks measure what they say."""

from pathlib import Path

import graph
import graph_ranking
import graph_tables
import numpy as np
import pytest
from graph_priors import entities, priors, told
from graph_synthetic import Setting, draw
from graph_threads import threads
from makers import shop_rows, write_recording
from typed import FloatArray, there

from coral.evaluation.case import Skipped, score_case


def system(*edges: tuple[int, int, int]) -> FloatArray:
    """Coefficients with some edges (lag, cause, effect)."""
    coefs = np.zeros((2, 4, 4))
    for edge in edges:
        coefs[edge] = 0.5
    return coefs


class TestMeasures:
    @pytest.mark.parametrize(
        ("found", "shd", "f1"),
        [
            ([(0, 0, 1), (1, 1, 2)], 0, 1.0),
            ([(0, 1, 0), (1, 1, 2)], 1, 0.5),
            ([(1, 2, 1), (0, 0, 1)], 2, 0.5),
            ([(0, 0, 1)], 1, 2 / 3),
            ([], 2, 0.0),
        ],
    )
    def test_distance_and_f1(self, found: list[tuple[int, int, int]], shd: int, f1: float) -> None:
        """A turned instantaneous edge counts once, a turned lagged one is two errors."""
        true = system((0, 0, 1), (1, 1, 2))

        assert shd == graph.shd(system(*found), true)
        assert pytest.approx(f1) == graph.f1(system(*found), true)

    def test_auroc(self) -> None:
        """All true edges above all others, with them, or below."""
        true = system((0, 0, 1))
        others = (true == 0.0).astype(float)

        assert [1.0, 0.5, 0.0] == [
            graph.auroc(found, true) for found in (true, np.ones_like(true), others)
        ]


class TestPriors:
    def test_a_fifth_is_wrong_and_known_to_be(self) -> None:
        """What is called wrong contradicts the truth, the rest does not."""
        setting = Setting(15, normal_rows=300)
        incident = draw(0, setting)
        linked = (incident.before != 0.0).any(axis=0)

        def true(pair: tuple[str, str]) -> bool:
            return bool(linked[int(pair[0][1:]), int(pair[1][1:])])

        for name, said in priors(incident, setting, 0).items():
            if said.prior is None:
                continue
            listed = {*said.prior.edges, *said.prior.required}
            assert [] == [p for p in listed - said.wrong if not true(p)], name
            assert [] == [p for p in listed & said.wrong if true(p)], name
            wrong_ban = {p for p in said.prior.forbidden if true(p)}
            assert wrong_ban == said.wrong & set(said.prior.forbidden), name

    def test_what_is_reported_is_counted(self) -> None:
        """All of one wrong edge, and nothing else."""
        setting = Setting(15)
        incident = draw(0, setting)
        said = priors(incident, setting, 0)["known, a fifth is no edge"]
        learned = graph.learned(incident.normal, 1, said.prior)
        found = {(c.cause, c.effect) for c in learned.contradicted(entities(setting))}
        expected = {
            "wrong_reported": len(found & said.wrong) / len(said.wrong),
            "reported_wrong": len(found & said.wrong) / len(found),
        }

        assert expected == told(learned, said, setting)
        assert expected["wrong_reported"] > 0.5


def test_two_threads_find_the_same() -> None:
    """Bit for bit."""
    assert threads({30: 1})["30"]["identical"]


def test_the_known_walk_scores_as_evaluate_does(tmp_path: Path) -> None:
    """The same revision of the same ranking."""
    folder = write_recording(tmp_path / "shop", shop_rows())
    row = there(graph_ranking.score(folder))
    scored = score_case(folder, "oracle")
    assert not isinstance(scored, Skipped)
    expected = scored[0]

    assert [expected["ac@1"], expected["avg@5"]] == row["known"]
    assert row["known_edges"] == 4


def test_tables_are_made_of_the_results() -> None:
    """Every set a row, the gains with their sign."""
    walk = {"ac@1": 0.5, "avg@5": 0.75, "gain": [0.1, 0.05, 0.2]}
    table = dict.fromkeys(graph_ranking.VARIANTS, walk)
    figures = {f"macro_{k}_{n}": 0.5 for k in ("ac@1", "avg@5") for n in graph_ranking.VARIANTS}
    result = {
        "datasets": {"shop": {"n": 7, **table}, "one": {"n": 1, **table}},
        "figures": figures,
        "commit": "abc",
    }
    lines = graph_tables.ranking(result).splitlines()

    assert lines[2].startswith("| shop | 7 | 0.50 / 0.75 |")
    assert "known: shop +0.10;" in lines[-1]
