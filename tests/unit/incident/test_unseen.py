"""Who is not seen is said, and nobody else is likely because of it."""

import numpy as np
from makers import NAMES, ONSET, shop_config, shop_rows
from typed import FloatArray

from coral.contract.events import Incident
from coral.engine import Engine
from coral.incident.unseen import KEPT, LateLog
from streams.records import Frame, Late
from streams.series import entity_of


def last(rows: FloatArray, late: tuple[Late, ...] = ()) -> Incident:
    """Return the newest revision when `late` came with every row since the onset."""
    engine, events = Engine(shop_config(), onset=float(ONSET)), []
    for t, x in enumerate(rows):
        events += engine.step(Frame("shop", float(t), NAMES, x, late if t >= ONSET else ()))
    return events[-1].data


def without(rows: FloatArray, entity: str) -> FloatArray:
    """Return rows in which an entity sends nothing since the onset."""
    rows = rows.copy()
    rows[ONSET:, [entity_of(name) == entity for name in NAMES]] = np.nan
    return rows


def test_nobody_is_unseen_when_all_report() -> None:
    """A clear cause is likely."""
    data = last(shop_rows())

    assert ("likely", []) == (data.tier, data.unseen)


def test_another_that_sends_nothing_is_unseen() -> None:
    """It is named in the answer, and the first cause is possible only."""
    data = last(without(shop_rows(fault="db"), "pay"))
    against = data.causes[0].evidence_against

    assert "possible" == data.tier
    assert [("pay", None)] == [(one.entity, one.late_s) for one in data.unseen]
    assert "`pay` has sent nothing since the onset: it is not seen." in data.summary
    assert "another entity of the topology is not seen: it could be that one" in against


def test_who_is_late_is_named_with_the_remedy() -> None:
    """How late, and which `lateness_s` would mend it; also when it still has values."""
    data = last(without(shop_rows(fault="db"), "pay"), (Late("pay", 3, 300.2),))

    assert "possible" == data.tier
    assert [("pay", 300.2)] == [(one.entity, one.late_s) for one in data.unseen]
    assert "Values of `pay` come 5 min late and are dropped" in data.summary
    assert "set `lateness_s` to 301, or mend its clock." in data.summary


def test_the_first_cause_is_not_likely_for_a_silence_that_is_lateness() -> None:
    """What comes late says nothing about whether it works."""
    data = last(without(shop_rows(fault="db"), "db"), (Late("db", 1, 40.0),))

    assert "likely" != data.tier


def test_what_was_late_is_kept_for_a_restart() -> None:
    """The worst of each source, and of so many only."""
    log, again = LateLog(), LateLog()
    log.note(10.0, (Late("db", 2, 40.0),))
    log.note(20.0, (Late("db", 9, 5.0), Late("web", 1, 1.0)))
    again.load_state_dict(log.state_dict())
    found = again.since(20.0)
    for i in range(2 * KEPT):
        log.note(30.0, (Late(f"pod-{i}", 1, 1.0),))

    assert {"db": Late("db", 2, 40.0), "web": Late("web", 1, 1.0)} == found
    assert {} == again.since(21.0)
    assert len(log.since(0.0)) == KEPT
