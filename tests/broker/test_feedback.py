"""Feedback through a real Kafka: confirmed while the daemon runs, said of the next incident."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from daemons import World, logged_event, stopped
from kafkas import Broker
from makers import EDGES, NAMES, shop_rows
from typed import there

from coral.cli.main import main
from coral.contract.events import Incident, decode
from coral.contract.feedback import encode, given
from coral.errors import Exit
from streams.codec import encode_row
from streams.errors import UnknownTopicError
from streams.kafka import KafkaTail

FIRST, SECOND, LENGTH, ROWS = 300, 500, 60, 620


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    made = World(kafka, tmp_path)
    yield made
    made.close()


def two_faults() -> list[bytes]:
    """Native rows of a stream with the same fault twice, and one that closes the last tick."""
    rows, broken = (shop_rows(seed=1, rows=ROWS, fault=fault) for fault in (None, "db"))
    for start in (FIRST, SECOND):
        rows[start : start + LENGTH] = broken[start : start + LENGTH]
    nothing = np.full(len(NAMES), np.nan)
    return [encode_row("shop", float(t), NAMES, x) for t, x in enumerate([*rows, *[nothing] * 60])]


def ended(values: Iterable[bytes]) -> list[Incident]:
    return [decode(v).data for v in values if b"incident.resolved" in v]


def test_confirmed_while_it_runs(
    kafka: Broker, world: World, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The second incident names the first; a new process has not forgotten it."""
    topic, rows = kafka.topic(1, cleanup_policy="compact"), two_faults()
    edges = json.dumps([list(edge) for edge in EDGES])
    system = ['systems."*".kpi=["web:latency_p95"]', f'systems."*".edges={edges}']
    settings = [word for each in (f"input.feedback={topic}", *system) for word in ("--set", each)]
    where = ["--kafka", world.kafka.connection.bootstrap, "--set", f"input.feedback={topic}"]
    where += ["--set", f"output.incidents={world.events}"]

    process = world.start(*settings)
    world.put(rows[: SECOND - 20])
    (first,) = ended(world.wait_for(process, ended))
    assert Exit.FAILURE == main(["feedback", first.incident, "--cause", "nobody", *where])
    assert b"got `nobody`" in capsysbinary.readouterr().err
    assert Exit.OK == main(["feedback", first.incident[:6], "--cause", "db", *where])
    assert topic in capsysbinary.readouterr().out.decode()
    logged_event(process, "cause_confirmed")
    forged = encode(msgspec.structs.replace(given(first, "cart"), incident="never"))
    world.kafka.sink().send(topic, b"never", forged)
    refused = logged_event(process, "feedback_refused")
    assert "`never` is not in the incidents topic" in refused[0]["reason"]
    assert Exit.OK == stopped(process)[0]

    process = world.start(*settings)
    logged_event(process, "cause_confirmed")
    world.put(rows[SECOND - 20 :])
    second = world.wait_for(process, lambda values: len(ended(values)) == 2)
    assert Exit.OK == stopped(process)[0]
    seen = there(ended(second)[1].seen_before)
    assert (first.incident, "db") == (seen.incident, seen.cause)
    assert Exit.OK == main(["explain", ended(second)[1].incident, *where])
    assert "Seen before" in capsysbinary.readouterr().out.decode()
    assert Exit.OK == main(["feedback", "--list", *where])
    assert f"incident {first.incident} of `shop`" in capsysbinary.readouterr().out.decode()
    assert Exit.OK == main(["feedback", first.incident, "--wrong", *where])
    assert b"the cause was not `db`, ranked 1" in capsysbinary.readouterr().out
    assert Exit.OK == main(["feedback", "--list", *where])
    assert ": not `db`\n" in capsysbinary.readouterr().out.decode()
    assert Exit.OK == main(["feedback", first.incident, "--withdraw", *where])
    capsysbinary.readouterr()
    assert Exit.OK == main(["feedback", "--list", *where])
    assert first.incident not in capsysbinary.readouterr().out.decode()


def test_without_the_topic(world: World, kafka: Broker) -> None:
    """The daemon runs and says so; the command says how to make it."""
    process = world.start("--set", "input.feedback=test-there-is-none")
    logged_event(process, "no_feedback_topic")
    logged_event(process, "assigned")  # before that SIGTERM ends a start, with another code
    assert Exit.OK == stopped(process)[0]
    with pytest.raises(UnknownTopicError, match="test-there-is-none"):
        KafkaTail(kafka.connection, "test-there-is-none")


def test_junk_ends_nobody(world: World, kafka: Broker) -> None:
    """Broken UTF-8 and endless nesting are refused like any claim; deletions say nothing.

    Whatever stands in the topic is read again by every process after this one.
    """
    topic, sink = kafka.topic(1, cleanup_policy="compact"), world.kafka.sink()
    for key, junk in ((b"a", b'{"id": "\xff"}'), (b"b", b'{"data": ' + b"[" * 3000), (b"c", None)):
        sink.send(topic, key, junk)
        sink.send(world.events, key, junk)
    sink.flush(60)
    process = world.start("--set", f"input.feedback={topic}")
    (refused,) = logged_event(process, "feedback_refused")
    assert Exit.OK == stopped(process)[0]
    assert 2 == refused["count"]
    assert "not feedback" in refused["reason"]
