"""Messages that are none, on their way through a real Kafka and the loop."""

from collections.abc import Callable, Sequence

import pytest
from kafkas import Broker, settle
from typed import there

from streams.align.aligner import Aligner
from streams.clock import SystemClock
from streams.codec import NativeCodec
from streams.kafka import KafkaSink, KafkaSource
from streams.processing.dead_letters import DeadLetterPolicy, DeadLetters
from streams.processing.loop import Loop
from streams.records import Message, Record

GOOD = [b'{"system":"shop","timestamp":%d,"metrics":{"a:x":1.0}}' % t for t in range(6)]
POISON = {
    "random bytes": bytes(range(256)),
    "10 MB": b"x" * 10_000_000,
    "invalid UTF-8": b'{"system":"\xff\xfe"}',
    "10k deep": b"[" * 10_000 + b"]" * 10_000,
    "wrong types": b'{"system":7,"timestamp":"x","metrics":[]}',
    "no object": b"null",
    "half a message": GOOD[0][:25],
}
MOST = DeadLetterPolicy().max_bytes
Way = Callable[..., tuple[Loop, KafkaSource, list[Record], list[bytes]]]
HARMLESS = {
    "empty": b"",
    "1e400": b'{"system":"shop","timestamp":3,"metrics":{"a:x":1e400}}',
    "repeated keys": b'{"system":"shop","timestamp":4,"metrics":{"a:x":1.0,"a:x":2.0}}',
}


@pytest.fixture
def way(kafka: Broker) -> Way:
    """Topics for rows of any size, events and dead letters, and a loop between them."""
    metrics = kafka.topic(max_message_bytes=16_000_000)
    events, letters = kafka.topic(), kafka.topic()
    source = kafka.source(metrics)
    settle(source)
    clock = SystemClock()
    loop = Loop(
        source,
        kafka.sink(),
        NativeCodec().decode,
        lambda frame: [Message(events, b"shop", b"%d" % frame.time)],
        lambda _: Aligner(1.0),
        clock,
        dead_letters=DeadLetters(DeadLetterPolicy(letters), clock),
    )
    producer = kafka.sink()
    producer._producer.config["max_request_size"] = 16_000_000

    def run(
        values: Sequence[bytes],
        key: bytes | None = b"k" * 20,
        trace: bytes = b"1",
        wanted: int | None = None,
    ) -> tuple[Loop, KafkaSource, list[Record], list[bytes]]:
        for value in values:
            producer.send(metrics, key, value, (("trace", trace),), partition=0)
        producer.flush(60)
        for _ in range(300):
            if loop.records == (len(values) if wanted is None else wanted):
                break
            loop.run_once()
        loop.commit()
        return loop, source, kafka.records(letters), [r.value for r in kafka.records(events)]

    return run


class TestPoison:
    def test_each_is_a_letter(self, way: Way) -> None:
        """Each goes to the dead-letter topic with reason and origin; what is around it is used."""
        values = [GOOD[0], *POISON.values(), *GOOD[1:], *HARMLESS.values()]
        loop, source, letters, events = way(values)
        (partition,) = source.assignment()

        assert [b"0", b"1", b"2", b"3", b"4"] == events
        assert [value[:MOST] for value in POISON.values()] == [r.value for r in letters]
        for offset, (record, value) in enumerate(zip(letters, POISON.values(), strict=True), 1):
            headers = dict(record.headers)
            assert headers["reason"]
            assert (partition.topic, b"0") == (headers["topic"].decode(), headers["partition"])
            assert (offset, len(value)) == (int(headers["offset"]), int(headers["length"]))
            assert (b"1", b"k" * 20) == (headers["trace"], record.key)
        assert (len(POISON), len(values)) == (loop.bad, source.committed(partition))

    @pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
    def test_packed(self, kafka: Broker, way: Way, codec: str) -> None:
        """Every codec is read; what unpacks to far more than may be is one letter that says so."""
        overrides = {"compression_type": codec, "max_request_size": 1 << 30, "linger_ms": 1000}
        sink = KafkaSink(kafka.connection, overrides=overrides)
        loop, source, _, _ = way([])
        (partition,) = source.assignment()
        for value in (GOOD[0], bytes(100 << 20), GOOD[1], GOOD[2]):
            sink.send(partition.topic, b"k", value, partition=0)
            sink.flush(60)
        sink.close()
        rest = way([GOOD[3]], wanted=5)

        assert [b"0", b"1", b"2"] == rest[3]
        (letter,) = rest[2]
        headers = dict(letter.headers)
        assert (
            b"batch of offsets 1 to 1: %b: at most 33554432 bytes expected" % codec.encode()
            in (headers["reason"])
        )
        assert (partition.topic.encode(), b"0", b"1") == (
            headers["topic"],
            headers["partition"],
            headers["offset"],
        )
        assert (1, 5) == (loop.bad, source.committed(partition))

    def test_long_keys_and_headers(self, way: Way) -> None:
        """However long key, headers and value are together, the letter fits into its topic."""
        long = b"x" * 2_000_000
        loop, _, (letter,), _ = way([long], key=long, trace=long)

        assert 1 == loop.bad
        assert (b"2000000", MOST, MOST // 4) == (
            dict(letter.headers)["length"],
            len(letter.value),
            len(there(letter.key)),
        )
        assert "trace" not in dict(letter.headers)
