"""`coral graph` as a user calls it."""

import json
import re
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from makers import EDGES, ONSET, shop_config, shop_rows, write_recording
from typed import FloatArray

from coral import checkpoint
from coral.cli.main import main
from coral.engine import Engine
from coral.errors import Exit
from streams.records import Frame, TopicPartition

SERIES = ("db:load", "db:disk", "cart:latency", "web:latency")
START = 1_700_000_000
BEFORE = START + ONSET - 1


def new_edge(rows: int = 280) -> FloatArray:
    """A database that passes its load on; from row 200 on its disk holds up the cart as well."""
    e = np.random.default_rng(5).normal(size=(rows, 4))
    x = np.zeros((rows, 4))
    for t in range(1, rows):
        x[t, 0] = 0.7 * x[t - 1, 0] + e[t, 0]
        x[t, 1] = 0.5 * x[t - 1, 1] + e[t, 1]
        x[t, 2] = 0.3 * x[t - 1, 2] + 0.8 * x[t, 0] + e[t, 2]
        x[t, 2] += 4.0 * x[t - 1, 1] + 8.0 if t >= ONSET else 0.0
        x[t, 3] = 0.3 * x[t - 1, 3] + 0.8 * x[t, 2] + e[t, 3]
    return x


def recorded(folder: Path, rows: FloatArray) -> Path:
    return write_recording(folder, rows, names=SERIES, kpi=["web:latency"], edges=[])


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A recorded incident of the little shop."""
    return recorded(tmp_path_factory.mktemp("cases") / "shop", new_edge())


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with two checkpoints of one partition, before and within the incident."""
    folder = tmp_path_factory.mktemp("state")
    store = checkpoint.FileStore(folder)
    engine = Engine(shop_config(kpi=("web:latency",), edges=()))
    for t, x in enumerate(new_edge()):
        engine.step(Frame("shop", float(START + t), SERIES, x))
        if t in {ONSET - 1, ONSET + 60}:
            systems = {
                "shop": {"aligner": {}, "engine": engine.state_dict()},
                "silent": {"aligner": {}, "engine": None},
            }
            snapshot = {"offset": t + 1, "decoder": None, "systems": systems}
            checkpoint.save(store, {TopicPartition("metrics", 0): snapshot})
    return folder


def exported(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert main(["graph", "export", *map(str, arguments)]) == Exit.OK
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    """Exit code and what was said of a call that fails."""
    code = main(["graph", *map(str, arguments)])
    said = capsys.readouterr()
    assert said.out == ""
    return code, said.err


class TestExport:
    def test_json_tells_the_parts_apart(
        self, shop: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Within the incident there are edges of both parts, and what moved is marked."""
        found = json.loads(exported(capsys, shop))

        assert {"invariant", "dependent"} == {edge["part"] for edge in found["edges"]}
        assert found["graph"]["system"] == "shop"
        assert found["graph"]["time"] == "2023-11-14T22:17:59Z"
        changed = {node["id"]: node["changed"] for node in found["nodes"]}
        assert max(changed, key=changed.__getitem__) == "cart:latency"
        new = {(e["source"], e["target"]) for e in found["edges"] if e["part"] == "dependent"}
        assert ("db:disk", "cart:latency") in new

    def test_a_time_is_that_of_a_shorter_recording(
        self, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """`--at` leaves out what comes later, as seconds and as a time of day."""
        short = recorded(tmp_path / "shop", new_edge()[:ONSET])
        expected = exported(capsys, short)

        assert expected == exported(capsys, shop, "--at", BEFORE + 0.5)
        assert expected == exported(capsys, shop, "--at", "2023-11-14T22:16:39Z")
        assert {"invariant"} == {edge["part"] for edge in json.loads(expected)["edges"]}

    def test_graphml_is_read_by_networkx(
        self, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Names, both parts and strengths survive; the file's name tells the format."""
        file = tmp_path / "shop.graphml"
        exported(capsys, shop, "-o", file)
        graph = nx.read_graphml(file)
        expected = json.loads(exported(capsys, shop))["edges"]
        found = {(u, v, d["part"], d["lag"], d["strength"]) for u, v, d in graph.edges(data=True)}

        assert set(SERIES) == set(graph.nodes)
        assert found == {
            (e["source"], e["target"], e["part"], e["lag"], e["strength"]) for e in expected
        }

    def test_json_is_read_by_networkx(self, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """It is the node-link form."""
        found = json.loads(exported(capsys, shop))
        graph = nx.node_link_graph(found, edges="edges")

        assert len(found["edges"]) == graph.number_of_edges()

    def test_dot(self, shop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """An edge a line between declared nodes, boxes by entity, two colours for two parts."""
        file = tmp_path / "shop.gv"
        exported(capsys, shop, "--format", "dot", "-o", file)
        text = file.read_text()
        edges = re.findall(r'^  "(.+)" -> "(.+)" \[.*class=(\w+)\];$', text, re.MULTILINE)
        expected = json.loads(exported(capsys, shop))["edges"]

        assert sorted(edges) == sorted(
            (e["source"], e["target"], e["part"]) for e in expected if e["source"] != e["target"]
        )
        assert set(SERIES) == set(re.findall(r'^    "(.+)";$', text, re.MULTILINE))
        assert text.count("subgraph") == 3
        assert text.count("{") == text.count("}")

    def test_a_checkpoint_is_the_graph_of_its_time(
        self, shop: Path, state: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The directory, a partition's folder and the file itself give the newest, or that one."""
        folder = state / "metrics%2F0"
        newest = exported(capsys, state)
        older = json.loads(exported(capsys, min(folder.iterdir())))
        replayed = json.loads(exported(capsys, shop, "--at", BEFORE))

        assert newest == exported(capsys, folder)
        assert json.loads(newest)["graph"]["time"] == "2023-11-14T22:17:40Z"
        assert older == replayed

    def test_what_the_data_contradict_is_told(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A forbidden edge that the data ask for."""
        labels: dict[str, Any] = {
            "forbidden_edges": [["pay", "db"]],
            "edges": [list(e) for e in EDGES[:2]],
        }
        rows = shop_rows(rows=1000, fault="none")
        folder = write_recording(tmp_path / "shop", rows, **labels)
        found = json.loads(exported(capsys, folder))["graph"]["contradicted"]

        expected = {"cause": "db", "effect": "pay", "prior": "forbidden", "found": "present"}
        assert expected in found


class TestDiff:
    def test_two_times_of_a_recording(self, shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """What the incident added, as a table and as JSON."""
        assert main(["graph", "diff", str(shop), "--from", str(BEFORE)]) == Exit.OK
        told = capsys.readouterr().out
        assert main(["graph", "diff", str(shop), "--from", str(BEFORE), "--json"]) == Exit.OK
        found = json.loads(capsys.readouterr().out)

        assert "dependent" in {edge["part"] for edge in found["added"]}
        listed = [line for line in told.splitlines() if line[:1] in "+-~" and line[:1]]
        rows = sum(len(found[key]) for key in ("added", "removed", "changed"))
        assert len(listed) == rows > 0
        assert "`shop` at 2023-11-14T22:16:39Z -> 2023-11-14T22:17:59Z".replace("`", "") in told

    def test_two_checkpoints(self, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The older against the newer one; against itself nothing differs."""
        old, new = sorted((state / "metrics%2F0").iterdir())
        assert main(["graph", "diff", str(old), str(new), "--json"]) == Exit.OK
        assert json.loads(capsys.readouterr().out)["added"]
        assert main(["graph", "diff", str(old), str(old)]) == Exit.OK
        assert "No edge differs." in capsys.readouterr().out


class TestRefusals:
    def test_messages(
        self, shop: Path, state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Who, which rule, what came; never a traceback."""
        torn = tmp_path / "0000000001.checkpoint"
        torn.write_bytes(b"CORALCKP")
        cases = (
            (("diff", shop), Exit.FAILURE, "say `--from TIME`"),
            (("diff", state), Exit.FAILURE, "give a second checkpoint"),
            (("export", state, "--at", 5), Exit.FAILURE, "`--at` is for recordings"),
            (("export", shop, "--at", 5), Exit.FAILURE, "has no row until 1970-01-01T00:00:05Z"),
            (("export", shop, "--system", "x"), Exit.FAILURE, "the systems `shop`: not `x`"),
            (("export", state, "--system", "silent"), Exit.FAILURE, "`shop`: not `silent`"),
            (("export", shop, "--system", "shpo"), Exit.FAILURE, "`shpo`; did you mean `shop`?"),
            (("export", shop, "-o", "x.png"), Exit.FAILURE, ".json, .dot, .graphml expected"),
            (("export", tmp_path / "none"), Exit.INVALID, "there is no file or folder"),
            (("diff", tmp_path / "none"), Exit.INVALID, "there is no file or folder"),
            (("export", torn), Exit.FAILURE, "0000000001.checkpoint`: CORALCKP and"),
        )
        for arguments, code, text in cases:
            found, said = refused(capsys, *arguments)
            assert (code, True) == (found, text in said), said

    @pytest.mark.parametrize("text", ["yesterday", "2023-11-14T22:16:39", "nan"])
    def test_a_time_needs_its_zone(
        self, shop: Path, text: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Wrong usage, told with an example."""
        assert Exit.USAGE == main(["graph", "export", str(shop), "--at", text])
        assert "2026-11-22T12:40:00Z expected, got" in capsys.readouterr().err
