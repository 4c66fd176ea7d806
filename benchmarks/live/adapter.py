"""Takes what Prometheus writes remotely and puts it into Kafka, one sample a message.

It stands for prometheus-kafka-adapter with `SERIALIZATION_FORMAT=json`.
"""

from __future__ import annotations

import argparse

import cramjam
from aiohttp import web
from kafka import KafkaProducer
from remote_write import messages

HOST = "127.0.0.1"


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--topic", required=True)
    chosen = parser.parse_args()
    producer = KafkaProducer(bootstrap_servers=chosen.brokers, compression_type="lz4", linger_ms=20)

    async def receive(request: web.Request) -> web.Response:
        written = bytes(cramjam.snappy.decompress_raw(await request.read()))
        for message in messages(written):
            producer.send(chosen.topic, value=message)
        return web.Response()

    app = web.Application(client_max_size=2**26)
    app.add_routes([web.post("/receive", receive)])
    web.run_app(app, host=HOST, port=chosen.port, access_log=None, print=None)


if __name__ == "__main__":
    main()
