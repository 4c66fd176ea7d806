"""A TCP relay on every way of the shop; it can delay the bytes of a way, or lose them.

Run as a process of its own. Control: one line ``set WAY DELAY_S JITTER_S LOSS`` on the control
port, answered by ``ok``. A way is ``caller->callee``; the name of a part of the shop is all ways
into it, the probe's too. Delay and loss hold in each direction, so a round trip meets them twice.

What is lost is not missing in a TCP connection, it is late: sent again after the time without an
answer that Linux waits at least, which doubles with every further loss, and all that follows waits
behind it. That is what `Hop.draw` makes of a loss.
"""

from __future__ import annotations

import argparse
import asyncio
import random
from dataclasses import dataclass
from functools import partial

from topology import CALLS, ENTITIES, HOST, Ports, edge

RESEND_S = 0.2
"""How long a sender waits for an answer before it sends again, in seconds: Linux' least."""


@dataclass
class Hop:
    """Where one hop leads and how disturbed it is.

    Attributes
    ----------
    port
        Port of the process behind the hop.
    delay_s, jitter_s
        One-way delay and the half width of its uniform variation, in seconds.
    loss
        Share of the chunks of bytes that are lost, each time they are sent.
    """

    port: int
    delay_s: float = 0.0
    jitter_s: float = 0.0
    loss: float = 0.0

    def draw(self, rng: random.Random) -> float:
        """Return the delay of one chunk of bytes, in seconds."""
        delay, wait = 0.0, RESEND_S
        if self.delay_s > 0.0:
            delay = max(0.0, self.delay_s + rng.uniform(-self.jitter_s, self.jitter_s))
        while self.loss > 0.0 and rng.random() < self.loss:
            delay, wait = delay + wait, 2.0 * wait
        return delay


class Side(asyncio.Protocol):
    """One end of a relayed connection; what it receives it sends to its peer, later."""

    def __init__(self, hop: Hop, rng: random.Random, peer: Side | None = None) -> None:
        self.hop = hop
        self.rng = rng
        self.peer = peer
        self.transport: asyncio.Transport | None = None
        self.waiting: list[bytes] = []
        self.closing = False
        self.due = 0.0
        self.loop = asyncio.get_running_loop()
        self.opening: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport; the caller's side then opens the way to the service."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        if self.peer is None:
            self.opening = self.loop.create_task(self._open())
        for data in self.waiting:
            transport.write(data)
        self.waiting.clear()
        if self.closing:
            transport.close()

    async def _open(self) -> None:
        other = Side(self.hop, self.rng, self)
        self.peer = other
        try:
            connecting = self.loop.create_connection(lambda: other, HOST, self.hop.port)
            await asyncio.wait_for(connecting, 2.0)
        except (OSError, TimeoutError):
            self.close()

    def data_received(self, data: bytes) -> None:
        """Pass the bytes on when their delay is over, in the order they came."""
        self._later(data)

    def connection_lost(self, exc: Exception | None) -> None:
        """Close the other end behind the last bytes."""
        self.closing = True
        self._later(None)

    def _later(self, data: bytes | None) -> None:
        now = self.loop.time()
        delay = self.hop.draw(self.rng)
        if delay == 0.0 and self.due <= now:
            self._pass_on(data)
            return
        # Bytes of one direction must not overtake each other, whatever the jitter.
        self.due = max(self.due + 1e-6, now + delay)
        self.loop.call_at(self.due, self._pass_on, data)

    def _pass_on(self, data: bytes | None) -> None:
        if self.peer is None:
            return
        if data is None:
            self.peer.close()
        else:
            self.peer.write(data)

    def write(self, data: bytes) -> None:
        """Send to this end, or keep until the connection stands."""
        if self.transport is None:
            self.waiting.append(data)
        elif not self.transport.is_closing():
            self.transport.write(data)

    def close(self) -> None:
        """Close this end."""
        self.closing = True
        if self.transport is not None:
            self.transport.close()


async def control(
    hops: dict[str, Hop], reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Serve one connection of the control port."""
    words = (await reader.readline()).decode().split()
    answer = b"error\n"
    if len(words) == 5 and words[0] == "set":
        for hop in (hop for way, hop in hops.items() if words[1] in (way, way.split("->")[-1])):
            hop.delay_s, hop.jitter_s, hop.loss = (float(word) for word in words[2:])
            answer = b"ok\n"
    writer.write(answer)
    await writer.drain()
    writer.close()


async def disturb(
    ports: Ports, way: str, *, delay_s: float = 0.0, jitter_s: float = 0.0, loss: float = 0.0
) -> None:
    """Ask the running relay to disturb a way, or all ways into a part of the shop.

    Parameters
    ----------
    ports
        Ports of the stack.
    way
        ``caller->callee``, or a part of the shop.
    delay_s, jitter_s, loss
        As of `Hop`; without them the disturbance ends.

    Raises
    ------
    RuntimeError
        If the relay refuses.
    """
    reader, writer = await asyncio.open_connection(HOST, ports.relay_control)
    writer.write(f"set {way} {delay_s} {jitter_s} {loss}\n".encode())
    answer = await reader.readline()
    writer.close()
    if answer != b"ok\n":
        raise RuntimeError(f"the relay knows no way {way}")


async def serve(ports: Ports, seed: int) -> None:
    """Relay until killed."""
    loop = asyncio.get_running_loop()
    rng = random.Random(seed)
    ways = {entity: (ports.entry(entity), entity) for entity in ENTITIES}
    ways |= {edge(*call): (ports.between(*call), call[1]) for call in CALLS}
    hops = {way: Hop(ports.direct(callee)) for way, (_, callee) in ways.items()}
    for way, (entry, _) in ways.items():
        await loop.create_server(partial(Side, hops[way], rng), HOST, entry)
    await asyncio.start_server(lambda r, w: control(hops, r, w), HOST, ports.relay_control)
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--base-port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    asyncio.run(serve(Ports(arguments.base_port), arguments.seed))
