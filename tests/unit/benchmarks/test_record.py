"""The relay of the shop that is recorded: what it delays and loses, and on which way."""

import asyncio
import random

import pytest
from relay import RESEND_S, Hop, control, disturb
from topology import CALLS, EDGES, HOST, Ports, columns, edge


@pytest.fixture
def rng() -> random.Random:
    return random.Random(7)


def test_what_is_lost_comes_later(rng: random.Random) -> None:
    """A tenth after the wait of a sender, a tenth of these after twice as long once more."""
    drawn = [round(Hop(0, loss=0.1).draw(rng) / RESEND_S) for _ in range(20_000)]
    assert {0, 1, 3, 7} <= set(drawn) <= {2**n - 1 for n in range(12)}
    assert 0.09 < sum(delay > 0 for delay in drawn) / len(drawn) < 0.11
    assert 0.008 < sum(delay > 1 for delay in drawn) / len(drawn) < 0.012


def test_a_delay_varies_around_what_it_is(rng: random.Random) -> None:
    """And without any disturbance there is none."""
    drawn = [Hop(0, delay_s=0.06, jitter_s=0.02).draw(rng) for _ in range(1000)]
    assert 0.04 <= min(drawn) < 0.045
    assert 0.075 < max(drawn) <= 0.08
    assert 0.0 == Hop(0).draw(rng)


def test_every_call_is_timed_and_has_a_way_of_its_own() -> None:
    """But that of the clients, who are not of the shop."""
    assert EDGES[1:] == CALLS
    names = columns()
    assert len(set(names)) == len(names)
    assert {f"{edge(*call)}:latency_p95" for call in CALLS} <= set(names)
    ports = Ports(23_000)
    ways = [ports.between(*call) for call in CALLS]
    assert len(set(ways)) == len(CALLS)
    assert max(ways) < 23_040


@pytest.mark.parametrize(
    ("named", "disturbed"),
    [
        ("orders->postgres", {"orders->postgres"}),
        ("postgres", {"postgres", "orders->postgres", "catalogue->postgres"}),
    ],
)
def test_one_way_or_all_into_a_part(
    named: str, disturbed: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over the relay's own control port, which refuses what is no way."""
    hops = {name: Hop(0) for name in ("postgres", "redis", *(edge(*call) for call in CALLS))}

    async def asked() -> None:
        serving = await asyncio.start_server(lambda r, w: control(hops, r, w), HOST, 0)
        port = serving.sockets[0].getsockname()[1]
        monkeypatch.setattr(Ports, "relay_control", port)
        async with serving:
            await disturb(Ports(23_000), named, loss=0.1)
            assert disturbed == {name for name, hop in hops.items() if hop.loss == 0.1}
            await disturb(Ports(23_000), named)
            assert {0.0} == {hop.loss for hop in hops.values()}
            with pytest.raises(RuntimeError, match="knows no way web"):
                await disturb(Ports(23_000), "web")

    asyncio.run(asked())
