"""A run of benchmarks/peers: limits, failures, resuming, and the tables that docs show."""

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import peers_tables
import pytest
from makers import NAMES, shop_rows, write_recording
from peers import run
from peers.case import Case
from peers.environments import BARE, HERE, names
from peers.journal import append, load, rewrite
from peers.pool import working
from peers.recordings import SETS, case_list, open_case
from peers.registry import METHODS, fingerprint, view
from peers.summary import best, summary

from coral.evaluation.backtest import backtest, find_cases, scorecard

METHODS_OF_TEST = "chance,largest_z,largest_z_kpi,traversal,percent_change"
FOREIGN = """
import os, sys

def fine(case):
    print("noise on standard output")
    os.write(1, b"more noise")
    return {name: 1.0 for name in case.names}

def silent(case):
    return {}

def broken(case):
    raise KeyError("no such column")

def gone(case):
    sys.exit(3)

def killed(case):
    os.kill(os.getpid(), 9)

def greedy(case):
    return {"a:x": float(len(bytearray(8 * 2**30)))}

def endless(case):
    while True:
        pass
"""
HURRIED = "from peers import worker; worker.CPU_S = 1; worker.main()"


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package with all the manners that packages have."""
    (tmp_path / "foreign.py").write_text(FOREIGN)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two incidents of every set, and one that is for online mode."""
    root = tmp_path_factory.mktemp("tree")
    for dataset in SETS:
        for fault in ("db", "pay"):
            write_recording(
                root / dataset / fault,
                shop_rows(fault=fault),
                dataset=dataset,
                root_cause_entities=[fault],
                root_cause_semantics="any-of",
            )
    write_recording(root / "tep" / "online", shop_rows(), dataset="tep", modes=["online"])
    return root


@pytest.fixture(scope="module")
def result(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a run of some methods writes."""
    return run_peers(tree, tmp_path_factory.mktemp("out") / "peers.json")


@pytest.fixture(scope="module")
def ours(tree: Path) -> dict[str, Any]:
    """Our own scorecard on the same tree."""
    return scorecard(backtest(find_cases([tree]), "oracle", jobs=1), "oracle") | {"commit": "abc"}


def run_peers(tree: Path, out: Path, *words: str) -> dict[str, Any]:
    """Run as from the command line; return the JSON."""
    with pytest.MonkeyPatch.context() as patch:
        line = ["run.py", str(tree), "--methods", METHODS_OF_TEST, "--json", str(out), *words]
        patch.setattr(sys, "argv", line)
        run.main()
    result: dict[str, Any] = json.loads(out.read_text())
    return result


def tiny() -> Case:
    return Case("made/one", ("a:x",), np.zeros((3, 1)), np.ones((2, 1)), (), (), 1.0)


@pytest.mark.usefixtures("foreign")
def test_nothing_a_method_does_harms_the_next_one() -> None:
    """Noise is dropped; a crash, an exit, a signal and too much memory are outcomes."""
    manners = ("fine", "silent", "broken", "gone", "killed", "greedy", "fine")
    targets = [f"foreign:{name}" for name in manners]
    with working(Path(sys.executable), sorted({*targets, "missing:function"})) as worker:
        answers = list(worker.ask(tiny(), [*targets, "missing:function"]))
    expected = ["ok", "empty", "failed", "failed", "failed", "memory", "ok", "failed"]
    assert expected == [answer["status"] for answer in answers]
    assert answers[0]["scores"] == {"a:x": 1.0}
    assert answers[2]["error"] == "KeyError: 'no such column'"
    assert answers[4]["error"] == "ended by SIGKILL"
    assert "missing" in answers[7]["error"]
    assert all(answer["rss_mb"] > 0 for answer in answers[:-1])


@pytest.mark.usefixtures("foreign")
def test_a_method_that_takes_too_long_is_a_timeout() -> None:
    """By CPU seconds, and the worker goes on with the next method."""
    order = json.dumps({"case": tiny().encode(), "methods": ["foreign:endless", "foreign:fine"]})
    with working(Path(sys.executable), []) as worker:
        environment = worker.environment()
    done = subprocess.run(
        [sys.executable, "-c", HURRIED, "foreign:endless", "foreign:fine"],
        input=order + "\n",
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["timeout", "ok"] == [answer["status"] for answer in answers]
    assert answers[0]["error"] == "over 1 CPU seconds"


@pytest.mark.usefixtures("foreign")
def test_a_worker_that_dies_is_started_again() -> None:
    """What it did not answer has failed; the next case is answered."""
    with working(Path(sys.executable), ["foreign:fine"]) as worker:
        worker.kill()
        assert ["failed"] == [a["status"] for a in worker.ask(tiny(), ["foreign:fine"])]
        assert ["ok"] == [a["status"] for a in worker.ask(tiny(), ["foreign:fine"])]


def test_the_cases_are_those_of_the_scorecard(tree: Path, ours: dict[str, Any]) -> None:
    """Count and checksum."""
    keys = run.oracle_cases([tree], quick=False)
    assert len(keys) == 2 * len(SETS)
    assert case_list(keys) == ours["case_list"]


def test_a_case_is_cut_where_the_labels_say(tree: Path) -> None:
    """Onset told, end included, edges from cause to effect, no label inside."""
    labelled = open_case(tree / "tep" / "db")
    case = labelled.case
    assert (len(case.base), len(case.anomalous)) == (200, 80)
    assert case.names == NAMES
    assert ("db", "cart") in case.edges
    assert (labelled.truth, labelled.any_of) == (frozenset({"db"}), True)


def test_gaps_are_filled_for_those_that_cannot_take_them(tmp_path: Path) -> None:
    """From the rows of the whole recording; the others get them as they are."""
    rows = shop_rows()
    rows[250, 0] = np.nan
    folder = write_recording(tmp_path / "one", rows, dataset="petshop", kpi=["web:latency_p95"])
    labelled = open_case(folder)
    assert labelled.case.anomalous[50, 0] == rows[249, 0]
    got = view(METHODS["traversal"], "petshop", labelled)
    assert got.names == ("web:latency_p95", "cart:latency_p95", "pay:latency_p95")
    assert np.isnan(got.anomalous[50, 0])
    assert view(METHODS["largest_z"], "petshop", labelled) is labelled.case


def test_figures_stand_on_all_cases(result: dict[str, Any]) -> None:
    """The largest z finds the database and the pay service; what cannot run has no cell."""
    methods = result["methods"]
    assert methods["largest_z"]["macro"]["ac@1"] == 1.0
    assert methods["largest_z"]["datasets"]["tep"]["outcomes"] == {"ok": 2}
    assert set(methods["largest_z_kpi"]["datasets"]) == {"petshop"}
    assert set(methods["traversal"]["datasets"]) == set(SETS) - {"skab", "asd", "smd"}
    assert methods["traversal"]["macro"] is None
    assert result["figures"]["best_other_macro_ac1"] == best(methods, "ac@1")[1] == 1.0
    assert result["case_list"]["n"] == 2 * len(SETS)


def test_a_run_goes_on_where_it_was(tree: Path, tmp_path: Path) -> None:
    """Rows that are there are kept as they are; a line that was cut off is made again."""
    out = tmp_path / "peers.json"
    journal = tmp_path / "peers.cases.jsonl"
    run_peers(tree, out, "--most", "1")
    lines = journal.read_text().splitlines()
    journal.write_text("\n".join(lines[:-1]) + "\n" + lines[-1][:20])
    result = run_peers(tree, out)
    assert set(lines[:-1]) < set(journal.read_text().splitlines())
    assert result["methods"]["chance"]["datasets"]["tep"]["ran"] == 2


def test_stale_rows_are_left_out(tmp_path: Path) -> None:
    """Of another version of the method, and of methods that are no more; the newest row wins."""
    file = tmp_path / "rows.jsonl"
    old = {"method": "a", "case": "s/1", "fingerprint": "old"}
    new = {"method": "a", "case": "s/1", "fingerprint": "new"}
    gone = {"method": "gone", "case": "s/1", "fingerprint": "new"}
    append(file, [new | {"x": 1}, old, gone, new | {"x": 2}])
    rows = load(file, {"a": "new"})
    assert rows == {("a", "s/1"): new | {"x": 2}}
    rewrite(file, rows.values())
    assert file.read_text().count("\n") == 1


def test_a_part_is_spread_evenly() -> None:
    """Over the sorted list of every set."""
    keys = [f"s/{i}" for i in range(9)] + ["t/0"]
    assert run.spread_out(keys, 3) == {"s/0", "s/4", "s/8", "t/0"}
    assert run.spread_out(keys, None) == set(keys)


def test_failures_count_as_nothing() -> None:
    """The mean is over all cases that ran; few cases give no macro mean."""
    zero = dict.fromkeys(("ac@1", "ac@3", "avg@5", "mrr"), 0.0) | {"cpu_s": 120.0, "rss_mb": 9.0}
    one = dict.fromkeys(("ac@1", "ac@3", "avg@5", "mrr"), 1.0) | {"cpu_s": 1.0, "rss_mb": 9.0}
    rows = [
        {"method": "baro", "case": "tep/1", "status": "ok"} | one,
        {"method": "baro", "case": "tep/2", "status": "timeout"} | zero,
    ]
    found = summary(rows, {"tep": 3})["baro"]
    cell = found["datasets"]["tep"]
    assert (cell["ac@1"], cell["ran"], cell["n"]) == (0.5, 2, 3)
    assert cell["outcomes"] == {"ok": 1, "timeout": 1}
    assert found["macro"] is None


@pytest.mark.parametrize("part", ["accuracy", "macro", "cost"])
def test_tables_are_tables(result: dict[str, Any], ours: dict[str, Any], part: str) -> None:
    """As many cells in every row as in the header, and no hole in them."""
    given = (result,) if part == "cost" else (result, ours)
    table = getattr(peers_tables, part)(*given).splitlines()
    rows = [line for line in table if line.startswith("|")]
    assert len(rows) > 3
    assert len({line.count("|") for line in rows}) == 1
    assert "None" not in "".join(table)


def test_tables_of_different_cases_are_refused(
    result: dict[str, Any], ours: dict[str, Any]
) -> None:
    """A peer may not be compared on other cases than ours."""
    fewer = ours | {"cases": ours["cases"][1:]}
    with pytest.raises(ValueError, match="must share their cases"):
        peers_tables.accuracy(result, fewer)


def test_every_method_is_there_and_its_packages_are_pinned() -> None:
    """Functions exist, environments have requirements, every requirement has a version."""
    for method in METHODS.values():
        if not method.function:
            continue
        module, _, function = method.function.partition(":")
        tree = ast.parse((HERE / "methods" / f"{module}.py").read_text())
        assert function in {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert not method.environment or method.environment in names()
    for name in names():
        lines = (HERE / f"requirements-{name}.txt").read_text().splitlines()
        assert all("==" in line for line in lines if not line.startswith("#"))
        assert all(line == BARE for line in lines if line.startswith("# without"))


def test_a_fingerprint_is_of_code_and_packages() -> None:
    """Methods differ in it by what they stand on."""
    assert fingerprint("largest_z") != fingerprint("mean_shift")
    assert fingerprint("largest_z") != fingerprint("largest_z_kpi")
