"""Every input format: the documented examples, names and kinds, and every way to be wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from streams.align.aligner import Aligner
from streams.codec import CodecLimits, LabelledCodec, SeriesMapping, make_codec
from streams.codec.formats import DEFAULT_MAPPINGS
from streams.errors import DecodeError, MissingExtraError
from streams.grid import Grid
from streams.processing.systems import Systems
from streams.records import Record

DOCS = Path(__file__).parents[4] / "docs" / "reference" / "input-formats.md"
EXAMPLES = re.findall(r"<!-- example: (\w+) -->\n```\w*\n(.*?)```", DOCS.read_text(), re.DOTALL)
NANO = 1_000_000_000


def codec(name: str, mapping: SeriesMapping | None = None, **limits: int) -> Any:
    grid = Grid(10.0, 30.0)
    make: Any = make_codec  # names of formats are parameters of tests
    return make(name, mapping, grid=lambda _: grid, limits=CodecLimits(**limits))


def record(value: bytes | dict[str, Any], key: bytes | None = None) -> Record:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return Record("topic", 2, 7, key, raw)


def decoded(
    name: str, *values: bytes | dict[str, Any], mapping: SeriesMapping | None = None
) -> list[tuple[str, float, str, float]]:
    """All values in order: (system, time, name) to value."""
    found = codec(name, mapping)
    return [
        (s.system, s.time, series, value)
        for raw in values
        for s in found.decode(record(raw)).samples
        for series, value in zip(s.names, s.values.tolist(), strict=True)
    ]


def faults(name: str, message: bytes | dict[str, Any], **limits: int) -> list[str]:
    """What is wrong with a message, in whole or in part."""
    try:
        found = codec(name, None, **limits).decode(record(message))
    except DecodeError as error:
        return [str(error.problem())]
    return [str(problem) for problem in found.problems]


def values(
    name: str, *messages: bytes | dict[str, Any], mapping: SeriesMapping | None = None
) -> dict[str, float]:
    """Series name to its last value."""
    return {series: value for _, _, series, value in decoded(name, *messages, mapping=mapping)}


class TestExamples:
    """The messages in docs/reference/input-formats.md are what they say."""

    def test_every_format_has_one(self) -> None:
        """Protobuf is shown by the JSON that means the same."""
        assert {"native", *DEFAULT_MAPPINGS} - {"otlp_proto"} == {name for name, _ in EXAMPLES}

    @pytest.mark.parametrize(
        ("index", "expected"),
        [
            (0, {"cart:cpu": 0.42, "cart:latency_p95": 0.118, "db:cpu": None}),
            (1, {"cart:cpu": 0.43, "db:cpu": 0.11}),
            (2, {"cart:cpu": 0.43, "db:cpu": 0.11}),
            (
                3,
                {
                    "shop/checkout:system.cpu.utilization{state=user}": 0.42,
                    "shop/checkout:http.server.duration.count": 10.0,
                    "shop/checkout:http.server.duration.sum": 0.95,
                    "shop/checkout:http.server.duration.p50": 0.0625,
                    "shop/checkout:http.server.duration.p95": 0.4,
                    "shop/checkout:http.server.duration.p99": 0.48,
                },
            ),
            (4, {"web1:cpu.usage_idle": 98.1, "web1:cpu.usage_user": 1.2}),
            (5, {"web1:disk.used_percent{path=/var}": 61.5}),
            (
                6,
                {
                    "web1:cpu.usage_idle": 98.1,
                    "web1:cpu.usage_user": 1.2,
                    "web1:disk.used_percent{path=/var}": 61.5,
                    "web1:disk.inodes_free{path=/var}": 1048576.0,
                },
            ),
            (7, {"shop/cart:process_open_fds": 0.42}),
            (
                8,
                {
                    "web1:load.load.shortterm": 0.42,
                    "web1:load.load.midterm": 0.31,
                    "web1:load.load.longterm": 0.22,
                    "web1:memory.memory{type_instance=used}": 1048576.0,
                },
            ),
        ],
    )
    def test_example(self, index: int, expected: dict[str, float | None]) -> None:
        """Each gives the documented series."""
        name, text = EXAMPLES[index]

        found = values(name, text.encode())

        assert expected.keys() == found.keys()
        for series, value in expected.items():
            assert found[series] == pytest.approx(np.nan if value is None else value, nan_ok=True)

    def test_protobuf_gives_the_same(self) -> None:
        """The OTLP example in protobuf has the same content."""
        (text,) = (text for name, text in EXAMPLES if name == "otlp_json")

        assert decoded("otlp_json", text.encode()) == decoded("otlp_proto", to_proto(text))


def to_proto(text: str) -> bytes:
    from google.protobuf.json_format import Parse
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    return bytes(Parse(text, metrics_service_pb2.ExportMetricsServiceRequest()).SerializeToString())


def test_protobuf_is_imported_only_when_used() -> None:
    """Without the extra every other format works, and this one says what to install."""
    code = (
        "import sys\n"
        "sys.modules['opentelemetry'] = None\n"
        "from streams.codec import make_codec\n"
        "make_codec('otlp_json', grid=None)\n"
        "make_codec('otlp_proto', grid=None)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert str(MissingExtraError("format otlp_proto", "otlp")) in done.stderr
    assert "pip install 'coral-rca[otlp]'" in done.stderr


def prometheus(
    name: str = "up",
    value: str | None = "1",
    at: int | str = "1970-01-01T00:01:00Z",
    **labels: int | str,
) -> dict[str, Any]:
    return {"timestamp": at, "value": value, "name": name, "labels": {"job": "cart", **labels}}


class TestPrometheus:
    @pytest.mark.parametrize(
        ("labels", "entity"),
        [
            ({"namespace": "shop", "deployment": "cart"}, "shop/cart"),
            ({"namespace": "shop", "container": "cart"}, "shop/cart"),
            ({"deployment": "cart"}, "cart"),
            ({"job": "", "instance": "10.0.0.1:9100"}, "10.0.0.1"),
        ],
    )
    def test_entity(self, labels: dict[str, str], entity: str) -> None:
        """The first template whose labels are all there names the entity; colons do not stay."""
        assert {f"{entity}:up": 1.0} == values("prometheus_json", prometheus(**labels))

    def test_counter(self) -> None:
        """`_total` is a rate per second from the second point on, at the later time."""
        one = prometheus("requests_total", "100")
        two = prometheus("requests_total", "150", "1970-01-01T00:01:10Z")

        assert [("topic", 70.0, "cart:requests_total", 5.0)] == decoded("prometheus_json", one, two)

    @pytest.mark.parametrize("label", ["prometheus_replica", "replica", "receive_replica"])
    def test_copies_of_an_ha_pair(self, label: str) -> None:
        """Two scrapers of one process give its rate, not twice that; `copies` says by what."""
        messages = [
            prometheus("n_total", str(100 + 5 * t), f"1970-01-01T00:01:{t:02}Z", **{label: copy})
            for t in (0, 10)
            for copy in ("a", "b")
        ]
        assert {"cart:n_total": 5.0} == values("prometheus_json", *messages)
        plain = SeriesMapping(entity=("{job}",), counters=("*_total",))
        assert {"cart:n_total": 10.0} == values("prometheus_json", *messages, mapping=plain)

    def test_a_label_that_names_is_no_copy(self) -> None:
        """Where a template or `split` uses it."""
        mapping = SeriesMapping(entity=("{job}-{replica}",), copies=("replica",))
        messages = [prometheus("x", v, replica=v) for v in ("1", "2")]
        found = values("prometheus_json", *messages, mapping=mapping)

        assert {"cart-1:x": 1.0, "cart-2:x": 2.0} == found

    def test_declared_gauge(self) -> None:
        """`gauges` overrules what the name says."""
        mapping = SeriesMapping(entity=("{job}",), counters=("*_total",), gauges=("ram_*",))
        found = values("prometheus_json", prometheus("ram_total", "7"), mapping=mapping)

        assert {"cart:ram_total": 7.0} == found

    def test_histogram(self) -> None:
        """Buckets give quantiles when all of an instant are there, count and sum rates."""
        messages = []
        for second, counts in ((60, (0, 0, 0)), (70, (40, 80, 100))):
            at = f"1970-01-01T00:01:{second - 60:02}Z"
            bounds = zip(("0.05", "0.1", "+Inf"), counts, strict=True)
            messages += [prometheus("lat_bucket", str(c), at, le=le) for le, c in bounds]
            messages += [prometheus("lat_count", str(counts[-1]), at)]
            messages += [prometheus("lat_sum", str(counts[-1] / 20), at)]
        found = values("prometheus_json", *messages)

        expected = {"p50": 0.0625, "p95": 0.1, "p99": 0.1, "count": 10.0, "sum": 0.5}
        assert {f"cart:lat.{part}": v for part, v in expected.items()} == pytest.approx(found)

    def test_summary(self) -> None:
        """A quantile label names the quantile."""
        message = prometheus("lat", "0.3", quantile="0.99")

        assert {"cart:lat.p99": 0.3} == values("prometheus_json", message)

    def test_nan_is_missing_and_infinity_is_counted(self) -> None:
        """A stale series gives nothing, an infinite value is missing."""
        found = codec("prometheus_json")
        assert [] == found.decode(record(prometheus(value="NaN"))).samples
        assert [] == found.decode(record(prometheus(value="+Inf"))).samples
        assert (
            []
            == found.decode(
                record(
                    b'{"timestamp":"1970-01-01T00:00:01Z","value":1e400,'
                    b'"name":"up","labels":{"job":"a"}}'
                )
            ).samples
        )
        assert 2 == found.extreme


def metric(**changes: object) -> dict[str, Any]:
    return {
        "name": "cpu",
        "tags": {"host": "web1"},
        "fields": {"usage": 1.5},
        "timestamp": 60,
    } | changes


class TestTelegraf:
    def test_fields(self) -> None:
        """Numbers and booleans are values, text and null are not."""
        fields = {"a": 1, "b": True, "c": "text", "d": None, "e": 2.5}
        expected = {"web1:cpu.a": 1.0, "web1:cpu.b": 1.0, "web1:cpu.e": 2.5}

        assert expected == values("telegraf_json", metric(fields=fields))

    @pytest.mark.parametrize(("unit", "stamp"), [("s", 60), ("ms", 60e3), ("ns", 60 * NANO)])
    def test_time_unit(self, unit: str, stamp: float) -> None:
        """Time stamps count what the topic says."""
        mapping = SeriesMapping(entity=("{host}",), time_unit=unit)  # type: ignore[arg-type]
        ((_, time, _, _),) = decoded("telegraf_json", metric(timestamp=stamp), mapping=mapping)

        assert 60.0 == time

    def test_a_metric_named_metrics_is_no_batch(self) -> None:
        """The form shows in the object's own keys, not in its text."""
        found = values("telegraf_json", metric(tags={"host": "a", "metrics": "x"}))

        assert {"a:cpu.usage": 1.5} == found

    def test_known_counters(self) -> None:
        """Host counters of the standard inputs are rates without any configuration."""
        one = metric(name="net", fields={"bytes_recv": 1000})
        two = metric(name="net", fields={"bytes_recv": 3000}, timestamp=70)

        assert {"web1:net.bytes_recv": 200.0} == values("telegraf_json", one, two)

    @pytest.mark.parametrize(
        ("field", "counts"),
        [
            ("kernel.processes_forked", True),
            ("kernel.boot_time", False),
            ("system.uptime", True),
            ("procstat.cpu_time_user", True),
            ("procstat.voluntary_context_switches", True),
            ("procstat.memory_rss", False),
            ("nstat.TcpRetransSegs", True),
            ("nstat.TcpCurrEstab", False),
            ("mem.swap_total", False),
            ("mem.huge_pages_total", False),
            ("disk.inodes_total", False),
            ("net.tcp_retranssegs", True),
            ("net.tcp_currestab", False),
            ("netstat.tcp_established", False),
            ("diskio.iops_in_progress", False),
            ("diskio.weighted_io_time", True),
            ("docker_container_net.rx_bytes", True),
            ("docker_container_cpu.usage_percent", False),
            ("redis.total_commands_processed", True),
            ("redis.total_system_memory", False),
            ("custom.orders_total", True),
        ],
    )
    def test_counters_and_levels_by_plugin(self, field: str, counts: bool) -> None:
        """By the plugins' documentation, not by the end of the name alone."""
        name, key = field.split(".", 1)
        first, second = (
            metric(name=name, fields={key: n}, timestamp=t) for n, t in ((50, 60), (90, 70))
        )
        found = values("telegraf_json", first, second)

        assert {f"web1:{field}": 4.0 if counts else 90.0} == found

    def test_statsd_flushes_intervals(self) -> None:
        """Its counters start from zero each time; those of several hosts add up, timings do not."""
        tags = {"service": "cart", "metric_type": "counter"}
        counts = [
            metric(name="shop", tags=tags | {"host": host}, fields={"requests_total": n})
            for host, n in (("a", 3), ("b", 5))
        ]
        assert {"cart:shop.requests_total": 8.0} == values("telegraf_json", *counts)
        timings = [
            metric(
                tags={"service": "cart", "metric_type": "timing", "host": host},
                fields={"took_mean": n, "took_count": n},
            )
            for host, n in (("a", 3), ("b", 5))
        ]
        assert {"cart:cpu.took_mean": 4.0, "cart:cpu.took_count": 8.0} == values(
            "telegraf_json", *timings
        )


class TestInflux:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (b"m,host=h f=1 60000000000", {"h:m.f": 1.0}),
            (
                b"m,host=h f=-1.5e3,g=3i,k=7u 60000000000\n",
                {"h:m.f": -1500, "h:m.g": 3, "h:m.k": 7},
            ),
            (b"m,host=h a=t,b=FALSE 60000000000\r\n", {"h:m.a": 1.0, "h:m.b": 0.0}),
            (rb'm,host=h a="x, y=1 \" z",b=2 60000000000', {"h:m.b": 2.0}),
            (b'm,host=h a="two\nlines",b=2 60000000000', {"h:m.b": 2.0}),
            (rb"my\ m\,x,host=a\ b\=c f\ g=1 60000000000", {"a b=c:my m,x.f g": 1.0}),
            (b"# comment\n\nm,host=h f=1 60000000000\n\n", {"h:m.f": 1.0}),
            (b"m,host=h f=1e400,g=1 60000000000", {"h:m.g": 1.0}),
        ],
    )
    def test_line(self, line: bytes, expected: dict[str, float]) -> None:
        """Numbers, integers, booleans, text, escapes, comments."""
        assert expected == values("influx", line)

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            (b"m,host=h f=1", "line 1: time stamp expected, got nothing"),
            (b"m,host=h f=1 60000000000\nm,host=h", "line 2: <measurement>"),
            (b"m,host=h f= 60000000000", "line 1: <field>=<value> expected, got str 'f='"),
            (b"m,host=h f=1, 60000000000", "line 1: <field>=<value> expected"),
            (b"m,host=h f=x 60000000000", "number, boolean or quoted text expected, got str 'x'"),
            (b"m,host=h f=nan 60000000000", "got str 'nan'"),
            (b'm,host=h f="x 60000000000', "line 1: <measurement>"),
            (b"m,host f=1 60000000000", "line 1: <tag>=<value> expected, got str 'host'"),
            (b"m,host=h, f=1 60000000000", "line 1: <tag>=<value> expected, got str ''"),
            (b"m,host=\xff f=1 60000000000", "line 1: UTF-8 expected, got byte 0xff"),
            (b"m,host=h f=1 6000000000000000000000", "line 1: <measurement>"),
            (b"m,host=h f=1 -5", "line 1: unix seconds in 0..1e+11 expected, got -5e-09"),
        ],
    )
    def test_errors(self, line: bytes, expected: str) -> None:
        """The line, the rule and the value are named."""
        (said, *_) = faults("influx", line)

        assert expected in said


def listed(time: float = 60.0, **changes: object) -> list[dict[str, Any]]:
    held = {
        "values": [1.5],
        "dstypes": ["gauge"],
        "dsnames": ["value"],
        "time": time,
        "interval": 10.0,
        "host": "web1",
        "plugin": "p",
        "plugin_instance": "",
        "type": "t",
        "type_instance": "",
    }
    return [held | changes]


class TestCollectd:
    def test_kinds(self) -> None:
        """Rates of what is cumulative, a tenth of what was counted in ten seconds, levels."""
        kinds = ["derive", "counter", "absolute", "gauge"]
        first, second = (
            json.dumps(listed(60.0 + 10 * i, values=[v] * 4, dstypes=kinds, dsnames=kinds)).encode()
            for i, v in enumerate((50, 90))
        )
        expected = {"derive": 4.0, "counter": 4.0, "absolute": 9.0, "gauge": 90.0}

        assert {f"web1:p.t.{kind}": v for kind, v in expected.items()} == values(
            "collectd_json", first, second
        )

    def test_arrays_one_a_line(self) -> None:
        """As a file of messages has them."""
        lines = b"\n".join(json.dumps(listed(plugin=name)).encode() for name in "ab")

        assert {"web1:a.t": 1.5, "web1:b.t": 1.5} == values("collectd_json", lines)

    def test_instances(self) -> None:
        """Processors are combined, interfaces are told apart."""
        messages = [
            *[listed(plugin="cpu", plugin_instance=f"{i}", type_instance="user") for i in (0, 1)],
            *[listed(plugin="interface", plugin_instance=name) for name in ("eth0", "eth1")],
        ]
        found = values("collectd_json", *[json.dumps(held).encode() for held in messages])

        assert {
            "web1:cpu.t{type_instance=user}": 1.5,
            "web1:interface.t{plugin_instance=eth0}": 1.5,
            "web1:interface.t{plugin_instance=eth1}": 1.5,
        } == found

    def test_parts(self) -> None:
        """A list that is wrong is left out; null is missing."""
        wrong = [
            listed(6e13),
            listed(values=[1.0, 2.0]),
            listed(dstypes=["level"]),
            listed(dstypes=["absolute"], interval=0.0),
            listed(values=["x"]),
            listed(host=""),
            listed(values=[None]),
            listed(),
        ]
        codecs = codec("collectd_json")
        found = codecs.decode(record(json.dumps([part for one in wrong for part in one]).encode()))

        assert [("web1:p.t",)] == [samples.names for samples in found.samples]
        assert ["form", "form", "form", "labels", "start", "time"] == sorted(
            problem.kind for problem in found.problems
        )
        assert {"[0].time", "[2].dstypes", "[3].interval", "[4].values[0]", "[5]"} <= {
            problem.where for problem in found.problems
        }


class TestNames:
    def test_system_by_template(self) -> None:
        """Labels, the record's key, or a constant name the system; the first that fits."""
        mapping = SeriesMapping(system=("{cluster}", "{@key}", "all"), entity=("{host}",))
        found = codec("telegraf_json", mapping)
        clustered = metric(tags={"host": "a", "cluster": "eu"})

        systems = [
            found.decode(r).samples[0].system
            for r in (
                record(clustered),
                record(metric(), b"k1"),
                record(metric(), b"k2"),
                record(metric()),
            )
        ]
        assert ["eu", "k1", "k2", "all"] == systems

    def test_a_renamed_pod_is_the_same_entity(self) -> None:
        """The series keeps its name, and its counter starts anew without a spike."""
        labels = {"namespace": "shop", "deployment": "cart"}
        found = decoded(
            "prometheus_json",
            prometheus("n_total", "1000", "1970-01-01T00:01:00Z", pod="cart-1", **labels),
            prometheus("n_total", "1100", "1970-01-01T00:01:10Z", pod="cart-1", **labels),
            prometheus("n_total", "5", "1970-01-01T00:01:20Z", pod="cart-2", **labels),
            prometheus("n_total", "105", "1970-01-01T00:01:30Z", pod="cart-2", **labels),
        )

        expected = [("topic", 70.0, "shop/cart:n_total", 10.0)]
        assert [*expected, ("topic", 90.0, "shop/cart:n_total", 10.0)] == found

    def test_long_label_values_are_cut(self) -> None:
        """A label in a name takes at most 64 characters."""
        found = values("telegraf_json", metric(tags={"host": "a", "path": "x" * 999}))

        assert {f"a:cpu.usage{{path={'x' * 64}}}": 1.5} == found

    def test_names_keep_their_object(self) -> None:
        """Equal names are one object, also for different replicas."""
        found = codec("telegraf_json")
        one = found.decode(record(metric(tags={"host": "a", "cpu": "0"}))).samples[0].names
        two = found.decode(record(metric(tags={"cpu": "1", "host": "a"}))).samples[0].names

        assert one is two

    @pytest.mark.parametrize("limit", ["_KNOWN_SERIES", "_KNOWN_BYTES"])
    def test_series_cache_is_bounded(self, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
        """Churning labels are named right although the cache forgets them."""
        monkeypatch.setattr(f"streams.codec.labelled.mapping.{limit}", 8)
        found = codec("telegraf_json")
        for i in range(50):
            (samples,) = found.decode(record(metric(tags={"host": f"h{i}"}))).samples
            assert (f"h{i}:cpu.usage",) == samples.names
            (problem,) = found.decode(record(metric(tags={"rack": f"r{i}"}))).problems
            assert ("labels", "cpu.usage", "tags") == problem[:3]
        assert len(found._namer._known) + len(found._namer._refused) <= 8


DEEP = b"[" * 10_000 + b"]" * 10_000
BAD_JSON = [
    (b" ", "JSON expected"),
    (b"\xff\xfd", "UTF-8 expected, got byte 0xff at 0"),
    (b"[1]", "[0]: Expected object, got int 1"),
    (DEEP, "JSON nested less deeply expected"),
    (b'{"zz": ' + DEEP + b"}", "JSON nested less deeply expected"),
    (b"null", "Expected object, got null"),
]


class TestErrors:
    @pytest.mark.parametrize("name", ["otlp_json", "telegraf_json", "prometheus_json"])
    @pytest.mark.parametrize(("raw", "expected"), BAD_JSON, ids=range(len(BAD_JSON)))
    def test_bad_json(self, name: str, raw: bytes, expected: str) -> None:
        """Whatever is no JSON object is refused in words."""
        (said,) = faults(name, raw)

        assert expected in said

    @pytest.mark.parametrize(
        ("name", "message", "expected"),
        [
            ("prometheus_json", prometheus(value="abc"), "value: number expected, got str 'abc'"),
            ("prometheus_json", prometheus(value=None), "value: Expected float | str, got null"),
            ("prometheus_json", prometheus(at="yesterday"), "timestamp: Invalid RFC3339"),
            ("prometheus_json", prometheus(at=5), "timestamp: Expected datetime, got int 5"),
            ("prometheus_json", prometheus(x=5), "labels.x: Expected str, got int 5"),
            ("prometheus_json", prometheus(job=""), "labels: labels for the entity"),
            ("prometheus_json", prometheus("a_bucket", le="x"), "labels.le: number expected"),
            ("prometheus_json", prometheus("a_bucket", le="nan"), "labels.le: number expected"),
            ("prometheus_json", {"value": "1"}, "Object missing required field timestamp"),
            (
                "telegraf_json",
                metric(timestamp=6e13),
                "timestamp: unix seconds expected, got 6e+13",
            ),
            (
                "telegraf_json",
                metric(fields={"a": []}),
                "fields.a: number, text, boolean or null expected, got list",
            ),
            ("telegraf_json", metric(tags=[1]), "tags: Expected object, got array"),
            ("telegraf_json", metric(tags={"host": "\ud800"}), "lone surrogate"),
            ("telegraf_json", {"metrics": [metric(), 5]}, "metrics[1]: Expected object, got int 5"),
            (
                "telegraf_json",
                {"metrics": [metric(), metric(tags={"host": 5})]},
                "metrics[1].tags.host: Expected str, got int 5",
            ),
            ("telegraf_json", metric(name="x" * 600), "name of at most 512 characters expected"),
            (
                "telegraf_json",
                metric(tags={f"t{i}": "" for i in range(99)}),
                "tags: at most 64 labels expected, got 99",
            ),
        ],
    )
    def test_wrong_content(self, name: str, message: dict[str, Any], expected: str) -> None:
        """Path, rule and value are named."""
        (said,) = faults(name, message)

        assert expected in said

    @pytest.mark.parametrize("name", sorted(DEFAULT_MAPPINGS))
    def test_size(self, name: str) -> None:
        """A payload that is too long is not looked at."""
        with pytest.raises(DecodeError, match="at most 10 bytes expected, got 11"):
            codec(name, max_bytes=10).decode(record(b"x" * 11))

    def test_too_many_values(self) -> None:
        """A message has at most so many values."""
        message = metric(fields={str(i): i for i in range(4)})
        with pytest.raises(DecodeError, match="at most 3 values expected, got more"):
            codec("telegraf_json", max_points=3).decode(record(message))

    def test_key_that_is_no_text(self) -> None:
        """A template with the record's key needs text there."""
        mapping = SeriesMapping(system=("{@key}",), entity=("{host}",))
        found = codec("telegraf_json", mapping).decode(record(metric(), b"\xff"))

        assert ["tags: record key in UTF-8 expected, for {@key}"] == [*map(str, found.problems)]

    def test_last_duplicate_wins(self) -> None:
        """Of a repeated key the last value counts."""
        raw = b'{"name":"m","tags":{"host":"a","host":"b"},"fields":{"f":1,"f":2},"timestamp":60}'

        assert {"b:m.f": 2.0} == values("telegraf_json", raw)


@pytest.mark.parametrize("cut", [1, 5, 8])
def test_restart_continues(cut: int) -> None:
    """Codec and aligners restored from a checkpoint give the frames of an unbroken run."""
    messages = [
        prometheus("n_total", str(7 * i), f"1970-01-01T00:01:{4 * i:02}Z", pod=str(i % 2))
        for i in range(12)
    ]
    records = [record(message) for message in messages]

    def frames(
        found: LabelledCodec, systems: Systems, part: list[Record]
    ) -> list[tuple[float, tuple[str, ...], list[float]]]:
        return [
            (frame.time, frame.names, frame.values.tolist())
            for held in part
            for samples in found.decode(held).samples
            for frame in systems.push(samples, held)
        ]

    def new() -> tuple[LabelledCodec, Systems]:
        return codec("prometheus_json"), Systems(lambda _: Aligner(10.0), 10)

    unbroken = frames(*new(), records)
    one, two = new(), new()
    before = frames(*one, records[:cut])
    for part in (0, 1):
        two[part].load_state_dict(one[part].state_dict())

    assert str(unbroken) == str(before + frames(*two, records[cut:]))
    assert len(unbroken) >= 3
