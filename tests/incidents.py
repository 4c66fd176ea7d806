"""An event with every part there is, told without an engine; any name may stand in every place."""

import msgspec

from coral.contract.changes import ChangeKind
from coral.contract.events import (
    AlarmTrigger,
    Alerted,
    Artefacts,
    Budget,
    Cause,
    Contradicted,
    Convergence,
    Course,
    Event,
    Felt,
    GraphEdge,
    Incident,
    MetricFinding,
    NearbyChange,
    Pattern,
    Revision,
    RuledOut,
    Scored,
    Screened,
    SeenBefore,
    StateSeen,
    timestamp,
    unix,
)
from coral.text import quoted

DAY = "2026-11-22T12:"


def incident_event(name: str = "db", system: str = "shop", incident: str = "3f2a") -> Event:
    """Return a settled incident of a system whose database, called `name`, has a bad minute."""
    series, other, signal = f"{name}:disk_io_bytes", f"{name}:queries_total", f"{name}:latency_p95"
    course = Course(rows=2, before=[1e6, 1.1e6, None, 1e6], after=[2e6, 7e6, 7.2e6])
    moved = _metric(series, course)
    slow = Course(rows=2, before=[0.02, 0.021, 0.02], after=[None, 0.2, 0.4])
    felt = _metric(signal, slow, levels=(0.02, 0.3))
    budget = Budget(1.0, 1, 2.5, 1.2, calibrated=False)
    causes = [
        _cause(1, name, [moved, _metric(other, kind="counter")], name),
        _cause(2, f"{name}2", [_metric(f"{name}2:cpu", course)], name),
        _cause(3, "web", [felt], name),
    ]
    data = Incident(
        incident=incident,
        revision=3,
        state="settled",
        system=system,
        kpi=[signal],
        trigger=AlarmTrigger(
            source="detector",
            time=f"{DAY}45:00Z",
            onset=f"{DAY}44:46Z",
            delay_s=14.0,
            channel="mean",
            statistic=9.5,
            threshold=4.25,
            p_value=1e-6,
            series=[series, signal],
            onset_interval=[f"{DAY}44:40Z", f"{DAY}44:50Z"],
            artefacts=Artefacts(3, 0.3, 0.0, [series], [other]),
            budget=msgspec.structs.replace(budget, product="change"),
            other_budget=budget,
        ),
        now=f"{DAY}46:00Z",
        rows=6,
        base_rows=200,
        tier="possible",
        summary=f"Possible cause: {quoted(name)}. {quoted(series)} rose 7x.",
        causes=causes,
        ruled_out=[RuledOut(f"{name}9", 3.0, f"{quoted(name)} is further up")],
        entities=[Scored(each.entity, each.score) for each in causes],
        metrics=[Scored(series, 0.6), Scored(signal, 0.2)],
        graph=[
            GraphEdge(series, signal, 0, 0.8, "invariant", 200, 0.9, 0.7),
            GraphEdge(other, signal, 1, -0.3, "dependent", 6, 0.5, 1.0),
        ],
        state_seen=StateSeen("1b2c", f"{DAY}00:00Z", 1),
        screened=Screened(1200, 1000, [name, "web"]),
        convergence=Convergence(converged=True, rows=4, confirmations=2, agreement=0.8),
        history=[Revision(1, ["web", name]), Revision(2, [name, "web"]), Revision(4, [name])],
        resolution=None,
        engine="0.1.0",
        config="7ad3befc125a",
        health=[felt],
        signature=[Scored(series, 12.0)],
        seen_before=SeenBefore("0a1b", f"{DAY}00:00Z", name, f"{name}2", 0.9, [series], moved=True),
        patterns=[Pattern("several causes", [name, "web"], [series], f"{quoted(name)} and web.")],
        felt=[Felt(signal, 0.02, 0.4, None)],
        alerts=[
            Alerted(f"{name}Slow", "page", f"{name} is slow", f"{DAY}45:10Z", f"{DAY}45:50Z"),
        ],
        change_events=[
            _done(name, "deployed", 46.0, name, rank=1),
            _done(None, "modified", 1200.0, f"flag {name}", rank=None),
        ],
        contradicted=[Contradicted(name, "web", "known", "absent")],
        rejected_before=SeenBefore("0c1d", f"{DAY}00:00Z", name, None, 0.8, [series], moved=False),
    )
    return Event(
        id=f"{incident}:3",
        source="/coral/shop",
        type="io.coral.ranking.converged.v1",
        subject=incident,
        time=data.now,
        data=data,
    )


def _done(
    entity: str | None, kind: ChangeKind, before_s: float, text: str, rank: int | None
) -> NearbyChange:
    onset = unix(f"{DAY}44:46Z")
    supports, time = rank is not None, timestamp(onset - before_s)
    return NearbyChange(entity, kind, time, before_s, rank, supports, text)


def _metric(
    name: str,
    course: Course | None = None,
    kind: str = "level",
    levels: tuple[float, float] = (1e6, 7e6),
) -> MetricFinding:
    return msgspec.convert(
        {
            "name": name,
            "evidence": 12.0,
            "surprise": 2.0,
            "deviation": 9.0,
            "before": levels[0],
            "after": levels[1],
            "missing": 0.0,
            "changed_at": f"{DAY}44:46Z",
            "course": course,
            "kind": kind,
        },
        MetricFinding,
    )


def _cause(rank: int, entity: str, metrics: list[MetricFinding], name: str) -> Cause:
    return Cause(
        rank=rank,
        entity=entity,
        score=0.9 / rank,
        tier="possible",
        evidence=12.0,
        metrics=metrics,
        changed_after_kpi_s=-4.0,
        path=[entity, "cart", "web"],
        text=f"{quoted(metrics[0].name)} rose 7x at 12:44:46 UTC.",
        changed_after_kpi_interval_s=[-6.0, -2.0],
        explains=0.91,
        evidence_for=[f"{quoted(name)} changed first"],
        evidence_against=[f"no known edge leads from {quoted(name)}", "it is one row"],
    )
