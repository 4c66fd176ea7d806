"""What is refused, and by which name; and what an older version wrote."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from makers import NAMES, ONSET, shop_config, shop_rows
from typed import there

from coral.checkpoint import FileStore, Saver, envelope, restore
from coral.checkpoint.snapshot import key_of, load
from coral.checkpoint.tree import Frozen, pack, unpack
from coral.config import EngineConfig
from coral.contract.events import Event
from coral.engine import Engine
from coral.errors import (
    ConfigError,
    CorruptCheckpointError,
    ForeignCheckpointError,
    FutureCheckpointError,
)
from streams.align.aligner import Aligner
from streams.processing.systems import Systems
from streams.records import Frame, TopicPartition

KEY = "coral.metrics.v1/0"
PARTITION = TopicPartition("coral.metrics.v1", 0)
GOLDEN = sorted(Path(__file__).parents[2].glob("golden/incident.v*.checkpoint"))


def sealed(body: bytes, number: int = envelope.FORMAT) -> bytes:
    """Return any body with a correct head."""
    prefix = struct.pack("<IQ", number, len(body))
    return b"CORALCKP" + prefix + envelope._checksum(prefix, body) + body


def test_what_is_sealed_comes_back() -> None:
    """State in, state out."""
    state = {"a": [1, None, "x"], "b": {"c": 2.5}}
    assert state == envelope.decode(KEY, envelope.encode(KEY, state))
    for dtype in (np.float64, np.float32, np.int64, np.bool_):
        values = unpack(pack({"x": np.array([[1.0, 0.0]], dtype)}), 1000)["x"]
        assert (values.dtype, values.tolist()) == (dtype, [[1, 0]])
    assert envelope.encode(KEY, state) == sealed(pack(unpack(envelope.encode(KEY, state)[52:], 0)))


def test_a_later_format_is_refused_by_name() -> None:
    """Whatever its content may look like."""
    later = envelope.FORMAT + 1
    words = f"format {envelope.FORMAT} at most expected, got {later}: a later version of CORAL"
    with pytest.raises(FutureCheckpointError, match=words):
        envelope.decode(KEY, sealed(b"what later versions write", later))


def test_a_downgrade_is_refused_in_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.1 and 0.2 know format 1: they go on with what they wrote, and say why not with the rest."""
    formats = {file.name: struct.unpack_from("<I", file.read_bytes(), 8)[0] for file in GOLDEN}
    assert formats == {
        "incident.v1-0.2.0.checkpoint": 1,
        "incident.v1.checkpoint": 1,  # of 0.1.0
        "incident.v2.checkpoint": 2,
    }
    monkeypatch.setattr(envelope, "FORMAT", 1)
    store, refused = FileStore(tmp_path), []
    for name in ("incident.v1-0.2.0.checkpoint", "incident.v2.checkpoint"):
        store.save(KEY, (GOLDEN[0].parent / name).read_bytes())
    found = there(load(store, PARTITION, lambda *why: refused.append(why)))
    assert ONSET + 20 == found["offset"]
    ((entry, error),) = refused
    assert entry.endswith("0000000002.checkpoint")
    assert isinstance(error, FutureCheckpointError)
    assert "a later version of CORAL wrote it; start that version again" in str(error)


def test_another_key_is_refused_by_name() -> None:
    """A file that was copied to the place of another."""
    data = envelope.encode("coral.metrics.v1/1", {})
    with pytest.raises(ForeignCheckpointError, match=r"'coral.metrics.v1/0' expected, got .*/1'"):
        envelope.decode(KEY, data)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", r"expected at the start, got b'' of 0 bytes"),
        (b"\0" * 100, "expected at the start"),
        (b"CORALCKP" + b"\0" * 40, "of 48 bytes"),
        (envelope.encode(KEY, {})[:-1], r"\d+ bytes expected, got \d+"),
        (envelope.encode(KEY, {})[:-1] + b"!", "the checksum does not fit"),
        (sealed(b"\xc1"), "not a state"),
        (sealed(b"\x91" * 100_000), "not a state: maximum recursion depth"),
        (sealed(b"\x90"), "a map expected, got list"),
        (sealed(pack({"key": KEY, "state": []})), "a state expected, got list"),
    ],
)
def test_corruption_is_named(data: bytes, reason: str) -> None:
    """Empty, foreign, truncated, changed, or nonsense with a good checksum."""
    with pytest.raises(CorruptCheckpointError, match=reason):
        envelope.decode(KEY, data)


def array(
    kind: bytes = b"f", axes: tuple[int, ...] = (2,), packing: int = 0, data: bytes = b"\0" * 16
) -> bytes:
    """Return a map with one array, as some other program might write it."""
    head = struct.pack("<cBB", kind, len(axes), packing) + struct.pack(f"<{len(axes)}Q", *axes)
    body = head + data
    return b"\x81\xa1x\xc7" + bytes([len(body), 1]) + body


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (array(kind=b"O"), "array head"),
        (array(kind=b"\xff"), "array head"),
        (array()[:-17] + array()[-17:-9], "not a state"),
        (array(axes=(3,)), r"shape \(3,\) needs 24 bytes, got 16"),
        (array(axes=(2**40,)), "at most 1000 bytes"),
        (array(axes=(2**63, 2)), "at most 1000 bytes"),
        (array(axes=(1, 1, 1, 1, 2)), "4 axes"),
        (array(packing=1), "compressed data are broken"),
        (array(kind=b"b", axes=(16,), data=b"\1" * 15 + b"\2"), "a truth value"),
        (b"\x81\xa1x\xc7\x01\x07\x00", "extension 1 expected, got 7"),
        (b"\x81\xa1\x80\xc0", "not a state: 'utf-8' codec"),
        (b"\x81" + array()[3:] + b"\xc0", r"not a state: .* keys must be hashable"),
        (b"\xdd\xff\xff\xff\xff", "not a state: Input data was truncated"),
        (b"\xdf\xff\xff\xff\xff", "not a state: Input data was truncated"),
    ],
)
def test_arrays_are_checked_before_they_are_made(data: bytes, reason: str) -> None:
    """Kind, axes, size: nothing is allocated on the word of a file."""
    assert np.array_equal(np.zeros(2), unpack(array(), 1000)["x"])
    with pytest.raises(CorruptCheckpointError, match=reason):
        unpack(data, 1000)


def test_a_bomb_is_not_inflated() -> None:
    """Compressed data give no more than their shape says, however many they hold."""
    bomb = bytearray(pack({"x": Frozen(np.zeros(100_000))}))
    at = bomb.index(struct.pack("<Q", 100_000))
    bomb[at : at + 8] = struct.pack("<Q", 2)
    with pytest.raises(CorruptCheckpointError, match=r"needs 16 bytes, got 17"):
        unpack(bytes(bomb), 1000)


@pytest.mark.parametrize("value", [np.zeros(2, np.float16), np.zeros(2, complex), object(), {1}])
def test_what_has_no_place_in_a_state_is_a_mistake(value: object) -> None:
    """Found when it is written, not when it is needed."""
    with pytest.raises(TypeError):
        pack({"x": value if not isinstance(value, set) else np.zeros((1,) * 5)})


def snapshot_of(file: Path, tmp_path: Path) -> dict[str, Any]:
    """Return the snapshot in a golden file by way of a store."""
    store = FileStore(tmp_path)
    store.save(KEY, file.read_bytes())
    refused = []
    found = load(store, PARTITION, lambda *why: refused.append(why))
    assert [] == refused
    return there(found)


@pytest.mark.parametrize("file", GOLDEN, ids=lambda path: path.name)
def test_states_of_older_formats_are_read(file: Path, tmp_path: Path) -> None:
    """An incident that an older version opened goes on under its own id."""
    found, systems, refused = snapshot_of(file, tmp_path), Systems(lambda _: Aligner(1.0), 9), []
    engines = restore(
        PARTITION,
        found,
        systems,
        lambda _: Engine(shop_config()),
        lambda *why: refused.append(why),
    )
    assert ([], ONSET + 20) == (refused, found["offset"])
    engine = engines["shop"]
    incident = there(engine._incident)
    subject, revision = incident.id, incident.revision
    rows, events = shop_rows(), []
    for t in range(ONSET + 19, len(rows)):
        events += engine.step(Frame("shop", float(t), NAMES, rows[t]))
    assert [f"{subject}:{revision + i}" for i in range(1, len(events) + 1)] == [
        event.id for event in events
    ]
    assert events[-1].data.causes[0].entity == "db"


def test_there_is_a_golden_file_of_this_format() -> None:
    """`tests/golden/write.py` was run when the format grew."""
    assert f"incident.v{envelope.FORMAT}.checkpoint" in [path.name for path in GOLDEN]


def test_an_incident_skips_a_thousand_revisions_when_the_configuration_changes(
    tmp_path: Path,
) -> None:
    """Revisions after the checkpoint may be out already; none gets a second content."""
    found = snapshot_of(GOLDEN[-1], tmp_path)
    engine = Engine(shop_config(kpi=(), edges=()), EngineConfig(max_causes=3, base_rows=100))
    engine.load_state_dict(found["systems"]["shop"]["engine"])
    before, events, rows = there(engine._incident).revision, list[Event](), shop_rows()
    for t in range(ONSET + 19, len(rows)):
        events += engine.step(Frame("shop", float(t), NAMES, rows[t]))
    assert 1000 == before
    assert "1001" == events[0].id.partition(":")[2]
    assert ["web:latency_p95"] == events[0].data.kpi
    assert 3 >= len(events[-1].data.causes) > 0


@pytest.mark.parametrize("change", [{"name": "other"}, {"interval_s": 2.0}])
def test_another_system_or_grid_is_refused(change: dict[str, Any]) -> None:
    """An engine does not continue with the state of another."""
    state = Engine(shop_config()).state_dict()
    with pytest.raises(ValueError, match=r"`Engine` requires (system|interval_s)="):
        Engine(shop_config(**change)).load_state_dict(state)
    with pytest.raises(ValueError, match=r"`Engine` requires told=5.0, got told=None"):
        Engine(shop_config(), onset=5.0).load_state_dict(state)


def test_a_state_that_lacks_something_costs_its_system_only(tmp_path: Path) -> None:
    """What another version of the same format left out is named; the rest is restored."""
    found = snapshot_of(GOLDEN[-1], tmp_path)
    present = Engine(shop_config())
    present.step(Frame("shop", 0.0, NAMES, shop_rows()[0]))
    detector = present.state_dict()["detector"]
    del detector["_tail"]
    found["systems"]["shop"]["engine"]["detector"] = detector
    found["systems"]["idle"] = found["systems"]["shop"] | {"engine": None}
    systems, refused = Systems(lambda _: Aligner(1.0), 9), []
    engines = restore(
        PARTITION,
        found,
        systems,
        lambda _: Engine(shop_config()),
        lambda *why: refused.append(why),
    )
    assert ({}, ["idle"]) == (engines, [*systems.aligners])
    ((name, error),) = refused
    assert "shop" == name
    assert "system 'shop': `Trigger` requires a state with entries" in str(error)


def test_a_system_that_is_not_configured_any_more(tmp_path: Path) -> None:
    """Its state is refused by name, and nothing else suffers."""
    systems, refused = Systems(lambda _: Aligner(1.0), 9), []

    def engine(name: str) -> Engine:
        raise ConfigError(f"no system {name!r}")

    found = snapshot_of(GOLDEN[-1], tmp_path)
    assert {} == restore(PARTITION, found, systems, engine, lambda *why: refused.append(why))
    assert {} == systems.aligners
    assert "system 'shop': no system 'shop'" == str(refused[0][1])


def test_a_checkpoint_that_is_no_snapshot(tmp_path: Path) -> None:
    """A valid file of something else is passed over."""
    store, refused = FileStore(tmp_path), []
    store.save(KEY, envelope.encode(KEY, {"colour": "red"}))
    assert load(store, PARTITION, lambda *why: refused.append(why)) is None
    assert isinstance(refused[0][1], CorruptCheckpointError)
    assert "a snapshot expected, got ['colour']" in str(refused[0][1])


def test_a_saver_reports_a_store_that_fails_and_recovers(tmp_path: Path) -> None:
    """Counted, said why, and the next snapshot is stored again."""
    directory = tmp_path / "store"
    directory.write_text("in the way")
    saver = Saver(FileStore(directory))
    snapshots = {PARTITION: {"offset": 3, "systems": {}, "decoder": None}}
    saver.submit(snapshots)
    saver.wait()
    assert (0, 1) == (saver.saved, saver.failed)
    assert "Not a directory" in str(saver.error)
    directory.unlink()
    saver.submit(snapshots)
    saver.close()
    assert (1, 1, None, False) == (saver.saved, saver.failed, saver.error, saver.busy)
    assert [key_of(PARTITION)] == FileStore(directory).keys()
