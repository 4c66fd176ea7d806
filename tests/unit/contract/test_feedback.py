"""What people say of a cause: kept by the engine, told when the same happens again."""

import json
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from makers import NAMES, run, shop_config, shop_rows, write_recording
from typed import FloatArray, there

from coral.checkpoint import envelope
from coral.cli.main import main
from coral.contract import feedback
from coral.contract.events import Event, Incident, Scored, decode, timestamp
from coral.contract.feedback import Feedback
from coral.engine import Engine
from coral.errors import EventError, Exit, FeedbackError
from coral.localise.past_incidents import PastIncidents
from coral.localise.policy import RANKING
from coral.localise.signature import alike, similarity, stem
from coral.report.document import plain
from coral.report.event_log import IncidentHistory
from coral.report.explain import case
from streams.records import Frame

FIRST, SECOND, LENGTH, ROWS = 300, 500, 60, 620


def two_faults(second: str = "db") -> FloatArray:
    """A stream with a fault of the database, and another fault later."""
    rows = shop_rows(seed=1, rows=ROWS, fault=None)
    for start, fault in ((FIRST, "db"), (SECOND, second)):
        broken = shop_rows(seed=1, rows=ROWS, fault=fault)
        rows[start : start + LENGTH] = broken[start : start + LENGTH]
    return rows


def confirmed(
    rows: FloatArray,
    cause: str = "db",
    names: tuple[str, ...] = NAMES,
    later: tuple[str, ...] = NAMES,
) -> list[Event]:
    """Events of a stream whose first incident is confirmed when it is over; a new name may come."""
    return told(rows, lambda data: feedback.given(data, cause), names, later)


def told(
    rows: FloatArray,
    say: Callable[[Incident], Feedback],
    names: tuple[str, ...] = NAMES,
    later: tuple[str, ...] = NAMES,
) -> list[Event]:
    """Events of a stream of whose first incident something is said when it is over."""
    engine, events, told = Engine(shop_config()), [], False
    for t, x in enumerate(rows):
        found = engine.step(Frame("shop", float(t), names if t < FIRST + 2 * LENGTH else later, x))
        if found and found[-1].data.resolution and not told:
            engine.confirm(say(found[-1].data))
            told = True
        events += found
    return events


def of(events: list[Event], number: int) -> list[Incident]:
    """Events of one of the incidents."""
    name = list(dict.fromkeys(event.subject for event in events))[number]
    return [event.data for event in events if event.subject == name]


def test_the_same_fault_is_seen_before() -> None:
    """With the id, the confirmed cause and the similarity, in the event and in words."""
    events = confirmed(two_faults())
    first, second = of(events, 0), of(events, 1)
    seen = there(second[-1].seen_before)
    assert all(data.seen_before is None for data in first)
    assert (first[0].incident, "db", "db") == (seen.incident, seen.cause, seen.entity)
    assert 0.7 <= seen.similarity <= 1.0
    assert "db:disk_io" in seen.alike
    assert f"{seen.similarity:.0%} similar to incident {seen.incident}" in second[-1].summary
    assert any(seen.incident in said for said in second[-1].causes[0].evidence_for)
    text = plain(case(IncidentHistory(events[-1])), 100)
    assert "Seen before" in text
    assert f"{seen.similarity:.0%}" in text


def test_another_fault_is_not() -> None:
    """A fault of another component does not look like the one that was confirmed."""
    assert all(data.seen_before is None for data in of(confirmed(two_faults("pay")), 1))


def test_without_feedback_nothing_is_said() -> None:
    """An incident that nobody confirmed is no experience."""
    assert all(event.data.seen_before is None for event in run(two_faults()))


@pytest.mark.parametrize("cause", ["db", "cart", "pay", "web"])
def test_it_moves_by_one_place_at_most(cause: str) -> None:
    """Whatever was confirmed, the ranking differs by one exchange of neighbours at most."""
    plainly = of(run(two_faults()), 1)
    moved = of(confirmed(two_faults(), cause), 1)
    for without, told in zip(plainly, moved, strict=True):
        before = [e.name for e in without.entities]
        after = [e.name for e in told.entities]
        assert sorted(before) == sorted(after)
        assert before.index(cause) - after.index(cause) == int(
            told.seen_before is not None and told.seen_before.moved
        )
        if told.seen_before is not None and told.seen_before.moved and after[0] == cause:
            assert told.tier != "likely"


def test_a_first_that_only_memory_put_there_is_not_likely() -> None:
    """At the head, an exchange leaves no margin, and so no trust of a cause without help."""
    second = of(confirmed(two_faults("pay"), "db"), 1)
    assert all(data.tier != "likely" or not data.seen_before for data in second)


def test_a_rejected_answer_is_not_likely_again() -> None:
    """The next like it says so, and is *possible* at most; nothing moves, nothing scores less."""
    plainly, second = of(run(two_faults()), 1), of(told(two_faults(), feedback.rejected), 1)
    assert "likely" in {data.tier for data in plainly}
    assert {"possible"} == {data.tier for data in second if data.causes[0].entity == "db"}
    for without, data in zip(plainly, second, strict=True):
        assert (without.entities, without.metrics) == (data.entities, data.metrics)
        assert without.rejected_before is data.seen_before is None
        before = there(data.rejected_before)
        assert ("db", "db", False) == (before.cause, before.entity, before.moved)
        assert 0.7 <= before.similarity <= 1.0
    last = second[-1]
    incident = there(last.rejected_before).incident
    assert f"In incident {incident}" in last.summary
    assert "somebody said that `db` was not the cause." in last.summary
    assert any(incident in said for said in last.causes[0].evidence_against)
    text = plain(case(IncidentHistory(told(two_faults(), feedback.rejected)[-1])), 100)
    assert "not its cause  `db` (rejected)" in text


def test_another_fault_was_not_rejected() -> None:
    """What does not look like it is as likely as ever."""
    plainly, second = (
        of(events, 1)
        for events in (run(two_faults("pay")), told(two_faults("pay"), feedback.rejected))
    )
    assert plainly == second


def test_one_confirmed_and_one_rejected_are_both_told() -> None:
    """Of two incidents like this one the first was the database, of the other that was wrong."""
    first = of(run(two_faults()), 0)[-1]
    engine, events = Engine(shop_config()), []
    engine.confirm(feedback.given(first, "db"))
    engine.confirm(msgspec.structs.replace(feedback.rejected(first), incident="another"))
    for t, x in enumerate(two_faults()[SECOND - FIRST :]):
        events += engine.step(Frame("shop", 1000.0 + t, NAMES, x))
    data = events[-1].data
    seen, wrong = there(data.seen_before), there(data.rejected_before)
    assert (first.incident, "another") == (seen.incident, wrong.incident)
    assert "Its confirmed cause was `db`. In incident another" in data.summary


def test_the_rejected_survives_a_restart() -> None:
    """A restored engine, in the middle of the second incident, goes on identically."""
    rows, events = two_faults(), []
    first = of(run(rows), 0)[-1]
    engine = Engine(shop_config())
    engine.confirm(feedback.rejected(first))
    for t, x in enumerate(rows):
        if t == SECOND + 20:
            state = envelope.decode("k", envelope.encode("k", engine.state_dict()))
            engine = Engine(shop_config())
            engine.load_state_dict(state)
        events += engine.step(Frame("shop", float(t), NAMES, x))
    whole = Engine(shop_config())
    whole.confirm(feedback.rejected(first))
    expected = [
        e for t, x in enumerate(rows) for e in whole.step(Frame("shop", float(t), NAMES, x))
    ]
    assert expected == events
    assert events[-1].data.rejected_before is not None


def test_only_an_answer_can_be_wrong() -> None:
    """What was not first is refused with what was; where nothing was, there is nothing to say."""
    data = of(run(two_faults()), 0)[-1]
    assert "db" == feedback.rejected(data).rejected
    with pytest.raises(FeedbackError, match=r"had first can be wrong, `db`, got `web`"):
        feedback.rejected(data, "web")
    nothing = msgspec.structs.replace(data, entities=[], history=[])
    with pytest.raises(FeedbackError, match="no answer that could be wrong"):
        feedback.rejected(nothing)
    with pytest.raises(FeedbackError, match="no signature"):
        feedback.rejected(msgspec.structs.replace(data, signature=[]))


def test_a_pod_that_was_replaced_is_the_same_entity() -> None:
    """Kubernetes gives a new random suffix; the fault and its cause are recognised."""
    old = tuple(name.replace("db:", "db-7d9f8b6c5d-x2x4p:") for name in NAMES)
    new = tuple(name.replace("db:", "db-5c8f7b9d4x-kq8wz:") for name in NAMES)
    one = {name: 1.0 + i for i, name in enumerate(old)}
    two = {name: 1.0 + i for i, name in enumerate(new)}
    assert similarity(one, two) == pytest.approx(1.0)
    assert "db:disk_io" in alike(one, two)
    assert ("orders", "agent", "kafka-0", "nginx") == (
        stem("orders-7d9f8b6c5d-x2x4p"),
        stem("agent-8kq2z"),
        stem("kafka-0"),
        stem("nginx"),
    )


def test_the_successor_of_a_replaced_pod_is_named() -> None:
    """The cause was confirmed under the old name; the event names it and the present one."""
    old = tuple(name.replace("db:", "db-7d9f8b6c5d-x2x4p:") for name in NAMES)
    new = tuple(name.replace("db:", "db-5c8f7b9d4x-kq8wz:") for name in NAMES)
    rows = two_faults()
    first = of(run(rows[:SECOND], names=old), 0)[-1]
    engine, events = Engine(shop_config()), []
    engine.confirm(feedback.given(first, "db-7d9f8b6c5d-x2x4p"))
    for t, x in enumerate(rows):
        if not FIRST <= t < FIRST + LENGTH:
            events += engine.step(Frame("shop", float(t), new, x))
    seen = there(events[-1].data.seen_before)
    assert ("db-7d9f8b6c5d-x2x4p", "db-5c8f7b9d4x-kq8wz") == (seen.cause, seen.entity)
    assert "now `db-5c8f7b9d4x-kq8wz`" in events[-1].data.summary


def test_a_cause_that_is_gone_is_said_to_be() -> None:
    """Its name is no entity any more: nothing moves, and the words say so."""
    first = of(run(two_faults()), 0)[-1]
    engine, events = Engine(shop_config()), []
    gone = msgspec.structs.replace(feedback.given(first, "db"), cause="mysql")
    engine.confirm(gone)
    for t, x in enumerate(two_faults()):
        events += engine.step(Frame("shop", float(t), NAMES, x))
    seen = there(events[-1].data.seen_before)
    assert (None, False) == (seen.entity, seen.moved)
    assert "`mysql`, which no longer exists" in events[-1].data.summary


@pytest.mark.parametrize("cut", [450, SECOND + 20])
def test_the_memory_survives_a_restart(cut: int) -> None:
    """A restored engine goes on identically, between two incidents and within the second."""
    rows, events = two_faults(), []
    first = of(run(rows), 0)[-1]
    engine = Engine(shop_config())
    engine.confirm(feedback.given(first, "db"))
    for t, x in enumerate(rows):
        if t == cut:
            state = envelope.decode("k", envelope.encode("k", engine.state_dict()))
            engine = Engine(shop_config())
            engine.load_state_dict(state)
        events += engine.step(Frame("shop", float(t), NAMES, x))
    whole = Engine(shop_config())
    whole.confirm(feedback.given(first, "db"))
    expected = []
    for t, x in enumerate(rows):
        expected += whole.step(Frame("shop", float(t), NAMES, x))
    assert expected == events
    assert events[-1].data.seen_before is not None


def test_the_memory_is_bounded_and_knows_no_order() -> None:
    """The newest stay, whatever the order in which feedback came in."""

    def one(number: int) -> Feedback:
        return feedback.Feedback(
            system="shop",
            incident=f"{number:04d}",
            cause="db",
            ended=timestamp(float(number)),
            signature=[Scored(name="db:cpu", score=1.0)],
        )

    forward, backward = PastIncidents(), PastIncidents()
    most = RANKING.recall.most_confirmed
    for number in range(2 * most):
        forward.confirm(one(number))
        backward.confirm(one(2 * most - 1 - number))
    assert most == len(forward)
    assert list(forward) == list(backward)
    assert forward.recall({"db:cpu": 2.0}, onset=1e9)[1] == pytest.approx(1.0)
    assert (None, 0.0) == forward.recall({"db:cpu": 2.0}, onset=0.0)  # all of them end later
    assert (None, 0.0) == forward.recall({"db:cpu": -2.0}, onset=1e9)


def test_the_last_word_on_an_incident_counts() -> None:
    """Whoever was wrong says it again."""
    data = of(run(two_faults()), 0)[-1]
    memory = PastIncidents()
    for cause in ("cart", "db"):
        memory.confirm(feedback.given(data, cause))
    assert ["db"] == [kept.cause for kept in memory]


def test_a_wrong_entity_is_named_with_those_that_there_are() -> None:
    """Who, which rule, what came."""
    data = of(run(two_faults()), 0)[-1]
    with pytest.raises(
        FeedbackError,
        match=r"got `dbb`; did you mean `db`\? by their score there are: `db`, .*`web`",
    ):
        feedback.given(data, "dbb")


def test_an_event_of_an_older_version_has_no_signature() -> None:
    """It cannot be recognised by; that is said."""
    data = msgspec.structs.replace(of(run(two_faults()), 0)[-1], signature=[])
    with pytest.raises(FeedbackError, match="no signature"):
        feedback.given(data, "db")


def test_feedback_is_a_cloud_event() -> None:
    """Encoded and decoded; what is none says where."""
    given = feedback.given(of(run(two_faults()), 0)[-1], "db")
    line = feedback.encode(given)
    assert given == feedback.decode(line)
    assert "io.coral.feedback.given.v1" == json.loads(line)["type"]
    wrong = feedback.rejected(of(run(two_faults()), 0)[-1])
    assert wrong == feedback.decode(feedback.encode(wrong))
    assert "io.coral.feedback.rejected.v1" == json.loads(feedback.encode(wrong))["type"]
    # As versions before this one wrote it.
    assert given == feedback.decode(line.replace(b',"rejected":null', b""))
    with pytest.raises(EventError, match=r"\$\.data"):
        feedback.decode(line.replace(b'"cause"', b'"because"'))


@pytest.fixture
def replayed(tmp_path: Path) -> tuple[Path, Path, list[Event]]:
    """A recording with two faults, and the events of its replay."""
    folder = write_recording(tmp_path / "shop", two_faults())
    out = tmp_path / "events.ndjson"
    assert main(["replay", str(folder), "--out", str(out)]) == Exit.OK
    return folder, out, list(map(decode, out.read_bytes().splitlines()))


def test_from_the_command_line(
    replayed: tuple[Path, Path, list[Event]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Replay, confirm, replay again: the second incident is seen before, the first is not."""
    folder, out, events = replayed
    store = tmp_path / "feedback.ndjson"
    said = ["feedback", events[0].subject[:6], str(out), "--cause", "db", "--out", str(store)]
    assert Exit.OK == main(said)
    assert "the cause was `db`, ranked 1" in capsys.readouterr().out
    again = tmp_path / "again.ndjson"
    told = ["replay", str(folder), "--feedback", str(store), "--out", str(again)]
    assert Exit.OK == main(told)
    assert "Seen before" in capsys.readouterr().out
    events = list(map(decode, again.read_bytes().splitlines()))
    assert of(events, 0)[-1].seen_before is None
    assert there(of(events, 1)[-1].seen_before).incident == events[0].subject


def test_command_line_errors(
    replayed: tuple[Path, Path, list[Event]], capsys: pytest.CaptureFixture[str]
) -> None:
    """An unknown incident, an unknown entity, a file that is no feedback, missing arguments."""
    folder, out, events = replayed
    assert Exit.NOTHING_FOUND == main(["feedback", "zzz", str(out), "--cause", "db"])
    assert "there is no incident `zzz`; there are: " in capsys.readouterr().err
    assert Exit.FAILURE == main(["feedback", events[0].subject, str(out), "--cause", "nobody"])
    assert "requires an entity of system `shop`, got `nobody`" in capsys.readouterr().err
    assert Exit.FAILURE == main(["replay", str(folder), "--feedback", str(out)])
    assert f"{out}, line 1: not feedback" in capsys.readouterr().err
    assert Exit.USAGE == main(["feedback", str(out), "--cause", "db"])
    assert "INCIDENT" in capsys.readouterr().err


def test_taken_back_and_listed(
    replayed: tuple[Path, Path, list[Event]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is withdrawn is not listed, and nothing is recognised by it."""
    folder, out, events = replayed
    incident, store = events[0].subject, tmp_path / "feedback.ndjson"
    where = ["--out", str(store)]
    assert Exit.OK == main(["feedback", incident, str(out), "--cause", "db", *where])
    assert Exit.OK == main(["feedback", "--list", *where])
    assert f"incident {incident} of `shop`, seen until" in capsys.readouterr().out
    assert Exit.OK == main(["feedback", incident, str(out), "--withdraw", *where])
    assert "taken back" in capsys.readouterr().out
    assert Exit.OK == main(["feedback", "--list", *where])
    assert not capsys.readouterr().out
    assert Exit.OK == main(["feedback", incident, str(out), "--wrong", *where])
    assert "the cause was not `db`, ranked 1" in capsys.readouterr().out
    assert Exit.OK == main(["feedback", "--list", *where])
    assert capsys.readouterr().out.endswith(": not `db`\n")
    assert Exit.OK == main(["feedback", incident, str(out), "--withdraw", *where])
    assert "taken back" in capsys.readouterr().out
    again = tmp_path / "again.ndjson"
    assert Exit.OK == main(["replay", str(folder), "--feedback", str(store), "--out", str(again)])
    assert "Seen before" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    ["x y", "x y --cause a --withdraw", "x y --list", "--list --cause a", "x y --wrong --cause a"],
)
def test_one_thing_at_a_time(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert Exit.USAGE == main(["feedback", *words.split()])
    assert "--list" in capsys.readouterr().err


@pytest.mark.parametrize("line", [b"{", b'{"id": "\xff"}', b'{"data": ' + b"[" * 3000])
def test_what_is_no_feedback_is_refused(line: bytes) -> None:
    """Anybody may write to the topic; broken UTF-8 and endless nesting are errors like others."""
    with pytest.raises(EventError, match="not feedback"):
        feedback.decode(line)


def test_a_type_that_contradicts_its_cause() -> None:
    """A withdrawal has no cause, what is given has one and no other, what is rejected has none."""
    data = of(run(two_faults()), 0)[-1]
    line = feedback.encode(feedback.withdrawn(data))
    assert feedback.decode(line).cause is None
    with pytest.raises(EventError, match="with cause None"):
        feedback.decode(line.replace(b"feedback.withdrawn.v1", b"feedback.given.v1"))
    given = feedback.encode(feedback.given(data, "db"))
    both = given.replace(b'"rejected":null', b'"rejected":"db"')
    for wrong in (both, both.replace(b'"cause":"db"', b'"cause":null')):
        with pytest.raises(EventError, match="rejected 'db'"):
            feedback.decode(wrong)


def test_evidence_must_support_it() -> None:
    """A claim for an entity with hardly any evidence moves nothing, whatever it is like."""
    plainly = of(run(two_faults()), 1)[-1]
    least = min(plainly.entities, key=lambda entity: entity.score)
    told = of(confirmed(two_faults(), least.name), 1)[-1]
    seen = there(told.seen_before)
    above = plainly.entities[[e.name for e in plainly.entities].index(least.name) - 1]
    assert seen.moved == (least.score >= RANKING.recall.least_share * above.score)
    assert plainly.entities[0].name == told.entities[0].name
