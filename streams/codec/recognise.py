"""What a payload is that holds no metrics, or those of another format: with the remedy."""

from typing import Final

_MAGIC: Final = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\x00\x00sNaPpY": "snappy",
}
_SIGNALS: Final = {
    "resourceSpans": "traces",
    "resourceLogs": "logs",
    "resourceProfiles": "profiles",
}
_KEYS: Final = (
    ("otlp_json", {"resourceMetrics"}),
    ("native", {"system", "timestamp", "metrics"}),
    ("native", {"system", "series", "values"}),
    ("telegraf_json", {"name", "fields", "timestamp"}),
    ("collectd_json", {"values", "dsnames", "plugin"}),
    ("prometheus_json", {"name", "labels", "value"}),
)
"""Keys by which a document of a format is known."""

_CHANGE: Final = {"op", "source", "ts_ms"}


def what_bytes_are(raw: bytes) -> str | None:
    """Return what a payload is if it is no text at all, None if it may be."""
    if raw[:1] == b"\0" and len(raw) > 5:
        schema = int.from_bytes(raw[1:5], "big")
        return (
            f"looks schema-registry framed: magic byte 0, schema id {schema}; Avro, and JSON or "
            "protobuf behind such a frame, are not read: write plain JSON"
        )
    for magic, name in _MAGIC.items():
        if raw.startswith(magic):
            return f"looks compressed by its producer ({name}); leave that to Kafka's own client"
    if raw[:4] == b"Obj\x01":
        return "looks like an Avro file; write JSON"
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff") and len(raw) > 2:
        return "looks like UTF-16; write UTF-8"
    if raw.lstrip()[:1] == b"<":
        return "looks like XML; write JSON"
    return None


def what_content_is(tree: object) -> str | None:
    """Return what a JSON document is if its keys show it, None if they do not."""
    if isinstance(tree, list) and tree:
        return what_content_is(tree[0])
    if not isinstance(tree, dict):
        return None
    for key, name in _SIGNALS.items():
        if key in tree:
            return f"these are {name}: `{key}`"
    if tree.keys() >= _CHANGE and tree.keys() & {"before", "after"}:
        return (
            "this is a Debezium change event (`op`, `source`): a row of a table; unwrap it with "
            "the transform ExtractNewRecordState into a row of a format that is read"
        )
    if "@timestamp" in tree:
        return (
            "looks like an event of Beats or Logstash (`@timestamp`), which is not read; collect "
            "with the OpenTelemetry Collector or Telegraf"
        )
    for name, keys in _KEYS:
        if keys <= tree.keys():
            return f"looks like {name}; set `format` of the topic"
    return None
