"""The health signals that the documentation names are those that agents send by their defaults."""

import json
import tomllib
from pathlib import Path

import msgspec

from coral.settings.sections import System
from streams.codec import make_codec
from streams.grid import Grid
from streams.records import Record
from streams.series import parts_of

PAGE = Path(__file__).parents[4] / "docs" / "reference" / "configuration.md"
CALL = {"http.request.method": "GET", "http.route": "/", "url.scheme": "http"}
LABELS = {"k8s.namespace.name": "shop", "k8s.deployment.name": "web"}


def listed(labels: dict[str, str]) -> list[dict[str, object]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in labels.items()]


def durations(time: int) -> bytes:
    """Return what the semantic conventions ask of every HTTP server, a point a status."""
    points = [
        {
            "startTimeUnixNano": f"{time - 10}000000000",
            "timeUnixNano": f"{time}000000000",
            "count": "10",
            "sum": 0.4,
            "explicitBounds": [0.05, 0.1],
            "bucketCounts": ["8", "1", "1"],
            "attributes": [
                *listed(CALL | ({"error.type": status} if status == "500" else {})),
                {"key": "http.response.status_code", "value": {"intValue": status}},
            ],
        }
        for status in ("200", "500")
    ]
    histogram = {"aggregationTemporality": 1, "dataPoints": points}
    metric = {"name": "http.server.request.duration", "unit": "s", "histogram": histogram}
    resource = {"attributes": listed(LABELS)}
    scope = {"metrics": [metric]}
    return json.dumps(
        {"resourceMetrics": [{"resource": resource, "scopeMetrics": [scope]}]}
    ).encode()


def test_health_signals_of_the_configuration_exist() -> None:
    """Each name of the first example is one of a server's, or stands for some of them."""
    example = PAGE.read_text().split("```toml\n")[1].split("```")[0]
    shop = msgspec.convert(tomllib.loads(example)["systems"]["shop"], System)
    codec = make_codec("otlp_json", grid=lambda _: Grid(10.0))
    samples, problems = codec.decode(Record("otlp", 0, 0, None, durations(1_700_000_010)))
    found = [name for one in samples for name in one.names]
    unknown = [name for name in shop.read_names if name not in found and not parts_of(name, found)]

    assert [] == problems
    assert shop.read_names
    assert [] == unknown
