"""`coral run` on a real Kafka beside a real Alertmanager, killed in the middle of an incident."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alertmanager import Alertmanager, alertmanager
from daemons import BUNDLED, World, rows_of, stopped
from kafkas import Broker
from receiver import Receiver, receiving
from served import until

from coral.contract.events import decode
from coral.errors import Exit

CASE = BUNDLED / "network-delay__payment"
HALF = 400  # rows: an incident is open, and another follows in row 605


@pytest.fixture(scope="module")
def manager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    with alertmanager(tmp_path_factory.mktemp("alertmanager")) as made:
        yield made


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def world(kafka: Broker, tmp_path: Path) -> Iterator[World]:
    """The way in which rows are worked on again without being published again."""
    made = World(kafka, tmp_path, "kafka", "exactly-once")
    yield made
    made.close()


def test_who_is_told_over_a_crash(world: World, manager: Alertmanager, receiver: Receiver) -> None:
    """The alert fires on, and ends; each message is told at least once, and says the same."""
    cluster = world.group
    arguments = [
        f"output.alertmanager.urls={manager.url}",
        f'output.alertmanager.labels={{"cluster": "{cluster}"}}',
        "output.alertmanager.resend_s=0.5",
        f"output.webhooks.hook.url={receiver.url}",
        "outbound.networks=127.0.0.1/32",
    ]
    flags = [word for argument in arguments for word in ("--set", argument)]

    def firing() -> list[str]:
        found = manager.alerts(filter=f'cluster="{cluster}"')
        return [alert["labels"]["incident"] for alert in found]

    rows = rows_of(CASE)
    world.put(rows[:HALF])
    process = world.start(*flags)
    until(firing)
    world.caught_up(process)
    (first,) = firing()
    process.kill()
    process.wait()
    until(lambda: firing() == [])  # nobody sends it again
    process = world.start(*flags)
    until(lambda: firing() == [first])
    world.put(rows[HALF:])
    until(lambda: firing() not in ([], [first]))  # it ends, and the next one is open
    world.caught_up(process)
    (second,) = firing()
    code, log = stopped(process)
    told = {decode(got.body).id: got.body for got in receiver.got}
    published = {decode(value).id: value for value in world.published()}

    assert Exit.OK == code, log
    assert ["superseded"] == [
        decode(value).data.resolution
        for value in published.values()
        if decode(value).subject == first and decode(value).data.resolution
    ]
    assert second == decode(list(published.values())[-1]).subject
    assert not [line for line in log if line["event"].startswith("sink_")]
    assert {got.body for got in receiver.got} == set(told.values())
    wanted = {
        name: value
        for name, value in published.items()
        if decode(value).data.kind == "incident"
        and not decode(value).type.startswith("io.coral.ranking.updated")
    }
    assert wanted.items() <= told.items() <= published.items()
