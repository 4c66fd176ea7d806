"""The tier follows from the situation and the policy, and from nothing else."""

import math
from dataclasses import replace
from typing import Any

import pytest
from makers import ONSET, run, shop_rows

from coral.contract.events import Artefacts
from coral.incident import lifecycle
from coral.incident.arguments import Candidate, arguments
from coral.incident.confidence import tier_of_cause, tier_of_first
from coral.incident.explanation import Findings
from coral.incident.patterns import patterns
from coral.incident.policy import VERDICT, VerdictPolicy
from coral.incident.situation import Situation


@pytest.fixture(scope="module")
def situation() -> Situation:
    """What was known at the last revision of a clear fault."""
    situations = []

    def kept(situation: Situation, policy: VerdictPolicy) -> Findings:
        situations.append(situation)
        return Findings(situation, policy)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lifecycle, "Findings", kept)
        events = run(shop_rows(), onset=float(ONSET))
    assert "likely" == events[-1].data.tier
    return situations[-1]


@pytest.mark.parametrize(
    "change",
    [
        {"likely_consensus": 1.01},
        {"likely_margin": math.inf},
        {"likely_evidence": math.inf},
        {"likely_rows": 1000},
    ],
)
def test_each_condition_of_likely_can_be_varied(
    situation: Situation, change: dict[str, Any]
) -> None:
    """Whichever is not met, the first cause is possible, not likely."""
    assert "likely" == tier_of_first(situation, [])
    assert "possible" == tier_of_first(situation, [], replace(VERDICT, **change))


@pytest.mark.parametrize(
    ("field", "value", "argument"),
    [
        ("varied", False, "never varied before"),
        ("outside_before", 12, "had left its earlier range 12 rows before the onset"),
    ],
)
def test_what_the_past_of_a_series_says_of_it(
    situation: Situation, field: str, value: float, argument: str
) -> None:
    """Neither a series that never varied nor one that was out before is a likely cause."""
    scores, first = situation.ranking.series, situation.ranking.order[0]
    series = situation.series_of(first)
    values = getattr(scores, field).copy()
    values[series[0]] = value
    ranking = situation.ranking._replace(series=scores._replace(**{field: values}))
    doubtful = situation._replace(ranking=ranking)
    assert "possible" == tier_of_first(doubtful, [])
    candidate = Candidate(1, first, series, [], None, None, None)
    _, against = arguments(doubtful, candidate)
    assert any(argument in sentence for sentence in against)
    assert not any(argument in sentence for sentence in arguments(situation, candidate)[1])


@pytest.mark.parametrize(("share", "tier"), [(0.05, "likely"), (0.2, "possible"), (0.8, "likely")])
def test_a_share_of_values_that_is_missing_lowers_the_tier(
    situation: Situation, share: float, tier: str
) -> None:
    """And is told against the cause; one that is missing altogether is what happened."""
    scores, first = situation.ranking.series, situation.ranking.order[0]
    series = situation.series_of(first)
    missing = scores.missing.copy()
    missing[series[0]] = share
    ranking = situation.ranking._replace(series=scores._replace(missing=missing))
    doubtful = situation._replace(ranking=ranking)
    _, against = arguments(doubtful, Candidate(1, first, series, [], None, None, None))

    assert tier == tier_of_first(doubtful, [])
    assert (tier == "possible") == any("are missing" in one for one in against)


def test_too_few_normal_rows_or_no_deviation(situation: Situation) -> None:
    """Fewer than are asked for; less than can be named."""
    few = situation._replace(base_rows=7)
    assert "possible" == tier_of_first(few, [])
    assert "likely" == tier_of_first(few, [], replace(VERDICT, most_base_rows=7))
    nothing = replace(VERDICT, least_deviation=math.inf)
    assert "no clear cause" == tier_of_first(situation, [], nothing)


def test_a_further_cause_is_possible_from_a_share_of_the_score_on(situation: Situation) -> None:
    """Unlikely below it; with no clear first cause none is better."""
    second = situation.ranking.order[1]
    every = replace(VERDICT, possible_share=0.0)
    assert "unlikely" == tier_of_cause(situation, second, "likely")
    assert "possible" == tier_of_cause(situation, second, "likely", every)
    assert "no clear cause" == tier_of_cause(situation, second, "no clear cause", every)


def test_patterns_and_arguments_follow_the_policy(situation: Situation) -> None:
    """A second cause where any split is enough; no more sentences than are wanted."""
    assert [] == patterns(situation)
    first = situation.ranking.order[0]
    candidate = Candidate(1, first, situation.series_of(first), [], None, None, None)
    favour, _ = arguments(situation, candidate)
    assert len(favour) > 1
    assert favour[:1] == arguments(situation, candidate, replace(VERDICT, most_arguments=1))[0]


def test_findings_take_the_policy(situation: Situation) -> None:
    """What is published is decided by the policy that is passed."""
    strict = replace(VERDICT, likely_margin=math.inf)
    assert ("likely", "possible") == (Findings(situation).tier, Findings(situation, strict).tier)


@pytest.mark.parametrize(
    ("kind", "argument"),
    [
        ("silent", "sent nothing in the row of the alarm"),
        ("near_zero", "fell to near zero at the onset"),
    ],
)
def test_what_the_alarm_found_in_the_data_lowers_the_tier(
    situation: Situation, kind: str, argument: str
) -> None:
    """Of the series that it is about; the argument names it. Of others it says nothing."""
    first = situation.ranking.order[0]
    best, *_, last = situation.series_of(first)
    names = situation.layout.names
    found = {
        name: Artefacts(3, 0.0, 0.0, **({"silent": [], "near_zero": []} | {kind: [name]}))
        for name in (names[best], names[last])
    }
    doubtful = situation._replace(artefacts=found[names[best]])
    candidate = Candidate(1, first, situation.series_of(first), [], None, None, None)
    _, against = arguments(doubtful, candidate)

    assert "possible" == tier_of_first(doubtful, [])
    assert "likely" == tier_of_first(situation._replace(artefacts=found[names[last]]), [])
    assert [one for one in against if argument in one]
