"""What an event says for and against its causes, and what it lets one draw."""

import numpy as np
from makers import NAMES, ONSET, run, shop_config, shop_rows
from typed import there

from coral.config import HealthSignal
from coral.contract.events import Cause, Event, encode
from coral.engine import Engine
from streams.records import Frame


def cause(event: Event, entity: str) -> Cause:
    return next(c for c in event.data.causes if c.entity == entity)


def test_the_true_cause_has_reasons() -> None:
    """Effect, edges and kind speak for it; its share is that of the best path."""
    event = run(shop_rows(), onset=float(ONSET))[-1]
    db = cause(event, "db")
    assert 1 == db.rank
    assert 0.5 < there(db.explains) <= 1.0
    said = " / ".join(db.evidence_for)
    assert f"up to {db.explains:.0%} of the change of the health signal" in said
    assert "simpler rankings agree that it is first" in said
    assert "`db:disk_io` is internal to it" in said
    victim = cause(event, "cart")
    assert any("`db`, which it depends on, explains" in text for text in victim.evidence_against)
    assert any("weaker than that of `db`" in text for text in victim.evidence_against)


def test_a_cause_has_the_evidence_of_its_strongest_metric() -> None:
    """The role weighs both alike: errors are asked about, so that a latency counts little."""
    place = NAMES.index("pay:cpu")
    rows, names = np.delete(shop_rows(), place, axis=1), (*NAMES[:place], *NAMES[place + 1 :])
    rows[ONSET:, names.index("web:errors_per_s")] += 8.0
    config = shop_config(kpi=("web:errors_per_s",))
    event = run(rows, names=names, config=config, onset=float(ONSET))[-1]
    assert ["pay:latency_p95"] == [metric.name for metric in cause(event, "pay").metrics]
    for c in event.data.causes:
        np.testing.assert_allclose(c.evidence, max(m.evidence for m in c.metrics), rtol=1e-4)


def test_an_incident_names_health_signals_whatever_objectives_they_have() -> None:
    """The same causes by the same evidence; only the configuration is another one."""
    slow = HealthSignal(name="web:latency_p95", above=5.0)
    plain = run(shop_rows(), onset=float(ONSET))[-1].data
    data = run(shop_rows(), config=shop_config(kpi=(slow,)), onset=float(ONSET))[-1].data
    assert (["web:latency_p95"], False) == (data.kpi, data.kpi_proposed)
    assert plain.causes == data.causes
    assert plain.health == data.health


def test_the_onset_is_relative_to_the_health_signal_within_limits() -> None:
    """A cause that changes five rows earlier is said to, and no more exactly than the rows are."""
    rows, late = shop_rows(rows=ONSET + 40), shop_rows(rows=ONSET + 40, fault=None)
    rows[ONSET : ONSET + 5, :5] = late[ONSET : ONSET + 5, :5]
    event = run(rows, onset=float(ONSET))[-1]
    db = cause(event, "db")
    low, high = there(db.changed_after_kpi_interval_s)
    assert -5.0 == db.changed_after_kpi_s
    assert (-6.0, -4.0) == (low, high)
    assert any(text.startswith("it changed 5 s before") for text in db.evidence_for)


def test_in_the_same_row_nothing_is_said_about_the_order() -> None:
    """Neither for nor against."""
    event = run(shop_rows(), onset=float(ONSET))[-1]
    db = cause(event, "db")
    assert (0.0, [-1.0, 1.0]) == (db.changed_after_kpi_s, db.changed_after_kpi_interval_s)
    assert not any("it changed" in text for text in (*db.evidence_for, *db.evidence_against))


def test_without_topology_nothing_is_said_about_edges() -> None:
    """What is not known speaks for nobody and against nobody."""
    event = run(shop_rows(), config=shop_config(edges=()), onset=float(ONSET))[-1]
    assert [] == [
        text
        for c in event.data.causes
        for text in (*c.evidence_for, *c.evidence_against)
        if "topology" in text or "depends" in text
    ]
    assert {None} == {c.explains for c in event.data.causes}


def test_a_cause_without_an_edge_to_the_health_signal() -> None:
    """Where a topology is known, that speaks against it."""
    config = shop_config(edges=(("web", "cart"),))
    event = run(shop_rows(), config=config, onset=float(ONSET))[-1]
    said = "the topology has no path from it to a health signal"
    assert said in cause(event, "db").evidence_against


def test_one_row_is_too_few() -> None:
    """The first revision says how little it rests on."""
    event = run(shop_rows(rows=ONSET + 1), onset=float(ONSET))[0]
    assert "only one row since the onset" in event.data.causes[0].evidence_against


def test_the_course_of_cause_and_health_signal() -> None:
    """Equal spans on both sides of the onset, of the values themselves."""
    rows = shop_rows(rows=ONSET + 30)
    rows[ONSET - 1, 7] = np.nan
    event = run(rows, onset=float(ONSET))[-1]
    (health,) = event.data.health
    assert "web:latency_p95" == health.name
    course = there(cause(event, "db").metrics[0].course)
    assert (2, 20, 15) == (course.rows, len(course.before), len(course.after))
    disk = NAMES.index("db:disk_io")
    expected = rows[ONSET:, disk].reshape(15, 2).mean(axis=1)
    np.testing.assert_allclose(expected, list(map(there, course.after)), rtol=1e-3)
    np.testing.assert_allclose(rows[ONSET - 2, disk], there(course.before[-1]), rtol=1e-3)
    assert cause(event, "db").metrics[1].course is None


def test_names_cannot_leave_their_place_in_a_sentence() -> None:
    """Backticks and control characters of a name do not reach the text."""
    names = (*NAMES[:7], "d`b\x1b:disk\n_io")
    config = shop_config(edges=())  # of another component than any in the topology
    event = run(shop_rows(), names=names, config=config, onset=float(ONSET))[-1]
    text = encode(event).decode()
    first = event.data.causes[0]
    assert "d`b\x1b" == first.entity
    for said in (event.data.summary, first.text, *first.evidence_for):
        assert "\x1b" not in said
        assert 0 == said.count("`") % 2
    assert "`d'b\\x1b`" in event.data.summary
    assert len(text) < 20_000


def test_an_incident_of_an_older_checkpoint_goes_on() -> None:
    """Without the course so far: its points are missing, what follows is drawn."""
    rows, engine = shop_rows(rows=ONSET + 40), Engine(shop_config(), onset=float(ONSET))
    for t in range(ONSET + 25):
        engine.step(Frame("shop", float(t), NAMES, rows[t]))
    state = engine.state_dict()
    del state["diagnosis"]["profile"]
    restored = Engine(shop_config(), onset=float(ONSET))
    restored.load_state_dict(state)
    events = []
    for t in range(ONSET + 25, ONSET + 40):
        events += restored.step(Frame("shop", float(t), NAMES, rows[t]))
    course = there(events[-1].data.causes[0].metrics[0].course)
    assert (2, [None] * 12) == (course.rows, course.after[:12])
    assert None not in course.after[12:]


def test_nothing_is_likely_on_fewer_normal_rows_than_series() -> None:
    """Some series always does what it never did before; the answer says so."""
    rows = shop_rows(rows=ONSET + 40)
    enough = run(rows[ONSET - 8 :], onset=8.0)[-1].data
    few = run(rows[ONSET - 7 :], onset=7.0)[-1].data
    assert 8 == len(NAMES)
    assert ("likely", "possible") == (enough.tier, few.tier)
    assert [few.causes[0].entity] == [enough.causes[0].entity] == ["db"]
    said = "only 7 normal rows are known for 8 series: some series leave their range by chance"
    assert said in few.causes[0].evidence_against
    assert not any("normal rows are known" in text for text in enough.causes[0].evidence_against)


def test_nothing_is_likely_that_no_health_signal_feels() -> None:
    """What changed is named; whether it is the cause of anything nobody knows yet."""
    rows, errors = shop_rows(rows=ONSET + 80), NAMES.index("web:errors_per_s")
    rows[:, errors] = 1.0
    config = shop_config(kpi=("web:errors_per_s",))
    spared = run(rows, config=config, onset=float(ONSET))[-1].data
    rows[ONSET + 40, errors] = 1.2
    spiked = run(rows, config=config, onset=float(ONSET))[-1].data
    for data, said in ((spared, "has left its normal range"), (spiked, "in single rows only")):
        assert ("possible", "db") == (data.tier, data.causes[0].entity)
        assert any(said in text for text in data.causes[0].evidence_against)
    rows[ONSET:, errors] = 1.2
    assert "likely" == run(rows, config=config, onset=float(ONSET))[-1].data.tier
    assert "likely" == run(rows, config=shop_config(kpi=()), onset=float(ONSET))[-1].data.tier


def test_nothing_is_likely_that_hardly_deviates() -> None:
    """An onset is given where nothing is wrong: the strongest is named, and doubted."""
    event = run(shop_rows(rows=ONSET, seed=3), onset=float(ONSET - 20))[-1].data
    assert event.tier in {"possible", "no clear cause"}
    assert any("less than twice as far" in text for text in event.causes[0].evidence_against)


def test_what_cannot_be_read_off_is_no_evidence_in_words() -> None:
    """A series that stands still but for its last digits, and steps by one of them."""
    rows = shop_rows(fault=None)
    noise = np.random.default_rng(5).normal(size=len(rows))
    rows[:, NAMES.index("db:disk_io")] = 50_168.0 + 0.05 * noise
    rows[:, NAMES.index("db:cpu")] = 40_000.0 + 1e-3 * noise[::-1]
    rows[ONSET:, NAMES.index("db:disk_io")] += 6.0
    data = run(rows, onset=float(ONSET))[-1].data
    found = next(c for c in data.causes if c.entity == "db")
    said = [found.text, data.summary, *found.evidence_for]

    assert "db:disk_io" == found.metrics[0].name
    assert "hardly changed on average (50.17k)" in found.text
    assert not [text for text in said if "times as far" in text or "rose" in text]
