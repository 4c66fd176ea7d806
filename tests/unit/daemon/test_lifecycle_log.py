"""What the log tells about systems that are too wide."""

import io
import json
import logging

import msgspec
import numpy as np
import pytest
from makers import NAMES, run, shop_rows

from coral.contract.events import Screened
from coral.daemon import log
from coral.daemon.lifecycle_log import Logbook
from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.records import Frame, Samples


@pytest.fixture
def told():
    """The log of the process as parsed lines; what was set up before is put back afterwards."""
    root = logging.getLogger()
    before, level = [*root.handlers], root.level
    stream = io.StringIO()
    log.setup("info", "json", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers[:] = before
    root.setLevel(level)


def test_series_beyond_the_limit_are_counted_and_their_entities_named(told):
    """The one with most of them first."""
    aligner = Aligner(1.0, max_series=1)
    names = ("web:cpu", "pod-2:cpu", "pod-1:cpu", "pod-1:memory")
    aligner.push(Samples("shop", 1.0, names, np.ones(4)))
    aligner.push(Samples("shop", 2.0, names, np.ones(4)))
    clock = SystemClock()
    letters = DeadLetters(DeadLetterPolicy("dead"), clock)
    Logbook(clock).report([aligner], letters)
    (line,) = told()

    assert "dropped so far" == line["event"]
    assert ["pod-1", "pod-2"] == line["most_refused"]
    assert line["refused"] > 0


def test_what_the_graph_leaves_out_is_told_once(told):
    """With the incident that opens, not with its revisions."""
    events = run(shop_rows())
    screened = Screened(series=5000, in_graph=1000, most_left_out=["node-7"])
    wide = [
        msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, screened=screened))
        for event in events
    ]
    Logbook(SystemClock()).stepped(Frame("shop", 0.0, NAMES, np.ones(8)), "diagnosing", wide)
    with_it = [line for line in told() if "series_left_out" in line]

    assert [("incident.opened", 4000, ["node-7"])] == [
        (line["event"], line["series_left_out"], line["most_left_out"]) for line in with_it
    ]
