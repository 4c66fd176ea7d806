"""A window of a real Prometheus: the rows are those that come through Kafka."""

import datetime as dt
import json
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import prometheus
import pytest
from prometheus import Prometheus, column, rows_of
from sent_metrics import Native, write
from shop_metrics import START, STEP_S, open_metrics

from streams.align.aligner import Aligner
from streams.clock import ManualClock
from streams.codec import SeriesMapping, make_codec
from streams.errors import PrometheusError
from streams.grid import Grid
from streams.prometheus import Access, PrometheusServer, Rows, catalogue
from streams.records import Frame, Record

NUMBER = 120
SPAN = (float(START), float(START + STEP_S * NUMBER))


def live(metrics: str) -> list[Frame]:
    """The frames of the same samples, as an adapter writes them into a topic."""
    codec = make_codec("prometheus_json", grid=lambda _: Grid(STEP_S))
    samples = [
        {
            "name": name,
            "labels": dict(re.findall(r'(\w+)="([^"]*)"', labels)),
            "value": value,
            "timestamp": dt.datetime.fromtimestamp(int(at), dt.UTC).isoformat(),
        }
        for name, labels, value, at in re.findall(r"(?m)^(\w+)\{(.*)\} (\S+) (\d+)$", metrics)
    ]
    samples.sort(key=lambda sample: str(sample["timestamp"]))
    aligner, frames = Aligner(STEP_S, 0.0), list[Frame]()
    for sample in samples:
        written = round(1e3 * dt.datetime.fromisoformat(str(sample["timestamp"])).timestamp())
        decoded = codec.decode(Record("shop", 0, 0, None, json.dumps(sample).encode(), written))
        for part in decoded.samples:
            frames += aligner.push(part)
    return [*frames, *aligner.flush()]


@pytest.fixture(scope="module")
def metrics() -> str:
    return open_metrics(NUMBER, restart_at=60)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, metrics: str) -> Iterator[Prometheus]:
    with prometheus.holding(tmp_path_factory.mktemp("shop"), metrics) as made:
        yield made


@pytest.fixture(scope="module")
def rows(shop: Prometheus) -> Rows:
    return rows_of(shop, SPAN, '{job="shop"}')


class TestShop:
    def test_names_and_values_are_those_of_the_live_codec(self, rows: Rows, metrics: str) -> None:
        """Entities, metrics, rates, quantiles and how sources are combined; a restart too.

        A row is what was last scraped, so that of a tick that began with the scrape comes one
        later. The first rates of a server know of no scrape before.
        """
        frames = live(metrics)
        expected = frames[-1].names
        at = [rows.names.index(name) for name in expected]
        later = np.array([frame.values for frame in frames[2:]])

        assert set(expected) == set(rows.names)
        assert NUMBER == len(rows.times) == len(frames)
        np.testing.assert_allclose(rows.values[2:][:, at], later, rtol=1e-6)

    def test_times_are_multiples_of_the_step(self, rows: Rows) -> None:
        """Whatever the moment that was asked for."""
        assert {0.0} == set((rows.times % STEP_S).tolist())
        assert SPAN[0] <= rows.times[0] < SPAN[0] + STEP_S
        assert {float(STEP_S)} == set(np.diff(rows.times).tolist())

    def test_a_longer_step(self, shop: Prometheus, rows: Rows) -> None:
        """A rate is that of all of the step; a gauge its last value."""
        longer = rows_of(shop, SPAN, '{job="shop"}', step_s=60.0)
        same = np.isin(rows.times, longer.times)
        gauge = np.array(column(rows, "db:shop_connections"))

        assert gauge[same].tolist() == column(longer, "db:shop_connections")
        rates = np.array(column(rows, "cart:shop_request_seconds.count"))[2:]
        assert set(np.round(rates)) == set(
            np.round(column(longer, "cart:shop_request_seconds.count")[1:])
        )

    def test_selectors_that_overlap(self, shop: Prometheus, rows: Rows) -> None:
        """A series that two of them match counts once."""
        both = rows_of(shop, SPAN, '{job="shop"}', 'shop_errors_total{service="web"}')
        assert rows.names == both.names
        np.testing.assert_array_equal(rows.values, both.values)

    def test_a_window_without_its_beginning(self, shop: Prometheus, rows: Rows) -> None:
        """What begins within a series knows its rate at once."""
        late = rows_of(shop, (SPAN[0] + 600.0, SPAN[1]), '{job="shop"}')
        same = rows.times >= SPAN[0] + 600.0
        np.testing.assert_array_equal(rows.values[same], late.values)

    def test_more_points_than_an_answer_holds(self, shop: Prometheus) -> None:
        """11,000 a series; the parts fit together."""
        step = 1800.0 / 14_400
        fine = rows_of(shop, SPAN, "shop_connections", step_s=step)
        assert len(fine.times) > 11_000
        assert {step} == set(np.round(np.diff(fine.times), 6).tolist())

    def test_names_of_a_configuration(self, shop: Prometheus) -> None:
        """Templates, labels that stay, and counters of its own."""
        own = SeriesMapping(entity=("{instance|host}",), split=("service",), counters=("*_bytes",))
        rows = rows_of(shop, SPAN, "shop_disk_bytes_total", mapping=own)
        assert ("db-0:shop_disk_bytes_total{service=db}",) == rows.names

    def test_too_many_series(self, shop: Prometheus) -> None:
        """The error says of what there are most."""
        api = PrometheusServer(Access(f"http://127.0.0.1:{shop.port}"), ManualClock())
        with pytest.raises(
            PrometheusError, match=r"at most 5 .* shop_request_seconds_bucket \(51\)"
        ):
            catalogue(api, ['{job="shop"}'], SPAN, 5)


def test_a_server_that_allows_little(tmp_path: Path) -> None:
    """What it refuses as too much is asked for in parts, and comes out the same."""
    metrics = open_metrics(40)
    span = (SPAN[0], SPAN[0] + 40 * STEP_S)
    with prometheus.holding(tmp_path, metrics) as server:
        expected = rows_of(server, span, '{job="shop"}')
    with prometheus.holding(tmp_path / "little", metrics, "--query.max-samples=150") as server:
        found = rows_of(server, span, '{job="shop"}')
    assert expected.names == found.names
    np.testing.assert_array_equal(expected.values, found.values)


def test_replicas_and_jobs(tmp_path: Path) -> None:
    """Sources are combined and jobs split as they are live.

    A job with two instances is two entities, one whose instance is replaced after five minutes
    stays one; pods of a deployment are summed, averaged and their worst quantile taken, also
    while one of them is not there.
    """
    lines = list[str]()
    for place, (labels, first, last) in enumerate(
        (
            ('job="two",instance="10.0.0.1:80"', 0, 60),
            ('job="two",instance="10.0.0.2:80"', 0, 60),
            ('job="one",instance="10.0.0.3:80"', 0, 40),
            ('job="one",instance="10.0.0.4:80"', 42, 60),
            ('job="pods",namespace="a",pod="web-7d9f5c6b8-x2lqv"', 0, 60),
            ('job="pods",namespace="a",pod="web-7d9f5c6b8-bbbbb"', 0, 30),
            ('job="pods",namespace="a",pod="web-7d9f5c6b8-ccccc"', 28, 60),
        )
    ):
        for row in range(first, last):
            at = START + STEP_S * row
            lines.append(f"level{{{labels}}} {place + row % 3} {at}")
            lines.append(f"done_total{{{labels}}} {(place + 1) * row} {at}")
            lines.append(f'took{{{labels},quantile="0.5"}} {place * (row % 5)} {at}')
    text = "\n".join([*sorted(lines, key=lambda line: line.partition("{")[0]), "# EOF", ""])
    with prometheus.holding(tmp_path, text) as server:
        rows = rows_of(server, (SPAN[0], SPAN[0] + 60 * STEP_S - 1), '{job=~".+"}')
    frames = live(text)
    expected = {name for frame in frames for name in frame.names}

    assert expected == set(rows.names)
    assert {"two/10.0.0.1:level", "one:level", "a/web:took.p50"} <= expected
    gone, back = 30, 42  # then a server and a topic know of an end, or a beginning, not at once
    for number, frame in enumerate(frames):
        if 2 <= number < gone or gone + 3 <= number < 40 or number > back + 2:
            held = dict(zip(frame.names, frame.values.tolist(), strict=True))
            found = dict(zip(rows.names, rows.values[number].tolist(), strict=True))
            present = {name for name, value in held.items() if not math.isnan(value)}
            assert present == {name for name, value in found.items() if not math.isnan(value)}
            assert {name: pytest.approx(held[name]) for name in present} == {
                name: found[name] for name in present
            }


def test_five_thousand_series(tmp_path: Path) -> None:
    """As many as a system may have."""
    lines = ["# TYPE level gauge"]
    for pod in range(5000):
        lines += [
            f'level{{service="s{pod}"}} {pod + row} {START + STEP_S * row}' for row in range(8)
        ]
    with prometheus.holding(tmp_path, "\n".join([*lines, "# EOF", ""])) as server:
        rows = rows_of(server, (SPAN[0], SPAN[0] + 7 * STEP_S), "level")
    assert (7, 5000) == rows.values.shape
    assert [4321.0 + row for row in range(7)] == column(rows, "s4321:level")


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rows]:
    """Series of a server that is written to: levels, one of which ends, and a histogram."""
    flags = ("--web.enable-remote-write-receiver", "--enable-feature=native-histograms")
    with prometheus.running(tmp_path_factory.mktemp("sent"), {}, *flags) as made:
        times = [START + 15.0 * number for number in range(40)]
        for entity, ends in (("one", 20), ("two", 40)):
            level = [
                (t, math.nan if i == 10 else math.inf if i == 11 else 1.0 * i)
                for i, t in enumerate(times[:ends])
            ]
            end = [(times[ends], None)] if ends < 40 else []
            labels = {"__name__": "level", "service": entity, "job": "sent"}
            write(made.port, labels, [*level, *end])
        silent = [(t, 1.0 * i) for i, t in enumerate(times[:20])]
        write(made.port, {"__name__": "level", "service": "mute", "job": "sent"}, silent)
        counts = [(t, Native(3.0 * i, 1, [i, 2 * i])) for i, t in enumerate(times)]
        write(made.port, {"__name__": "took_seconds", "service": "one", "job": "sent"}, counts)
        yield rows_of(made, (times[0], times[-1] + 14.0), '{job="sent"}')


class TestSent:
    def test_what_is_no_number_is_missing(self, sent: Rows) -> None:
        """NaN and infinity."""
        values = column(sent, "two:level")
        missing = [number for number, value in enumerate(values) if math.isnan(value)]
        assert [10, 11] == missing

    def test_a_series_that_ended_is_missing_at_once(self, sent: Rows) -> None:
        """Not after the five minutes for which a server shows the last value."""
        values = column(sent, "one:level")
        assert 19.0 == values[19]
        assert np.isnan(values[20:]).all()

    def test_a_series_that_falls_silent(self, sent: Rows) -> None:
        """It counts until the next scrape may have come, and not for five minutes."""
        values = column(sent, "mute:level")
        assert 19.0 == values[20]
        assert np.isnan(values[21:]).all()

    def test_native_histograms(self, sent: Rows) -> None:
        """Rate, sum and quantiles, under the names that OTLP's exponential ones have."""
        assert {0.2} == set(np.round(column(sent, "one:took_seconds.count")[3:], 6))
        assert {0.2} == set(np.round(column(sent, "one:took_seconds.sum")[3:], 6))
        assert 2.0 < column(sent, "one:took_seconds.p50")[5] <= 4.0
        assert column(sent, "one:took_seconds.p50")[5] < column(sent, "one:took_seconds.p99")[5]
        assert "one:took_seconds" not in sent.names
