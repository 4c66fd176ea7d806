"""The chain of docs/howto/wire-it-up.md, with the real programs and the files of deploy/wired."""

from pathlib import Path
from typing import Any

from daemons import logged, logged_event
from kafkas import Broker
from served import until
from wired import wired

# The same chain, with rows of a second and an alert that fires after some of them.
FASTER = {
    "_interval: 5s": "_interval: 1s",
    "interval_s = 10": "interval_s = 2",
    "lateness_s = 5": "lateness_s = 1",
    "[1m]": "[5s]",
    "for: 1m": "for: 20s",
    "> 0.9": ">= 0",
}


def test_an_alert_of_prometheus_comes_back_with_its_cause(kafka: Broker, tmp_path: Path) -> None:
    """From the host to Alertmanager, from there to CORAL, and back: one page an incident."""
    with wired(tmp_path, kafka, FASTER) as chain:

        def alerts(name: str) -> list[Any]:
            return [a for a in chain.manager.alerts() if a["labels"]["alertname"] == name]

        until(lambda: alerts("HostBusy"))
        taken = logged_event(chain.coral, "alert_taken")
        assert [("shop", "HostBusy", True)] == [
            (line["system"], line["alert"], line["firing"]) for line in taken[:1]
        ]
        until(lambda: alerts("CoralIncident") or chain.coral.poll() is not None)
        (ours,) = alerts("CoralIncident")
        assert {"system": "shop", "source": "coral"}.items() <= ours["labels"].items()
        until(lambda: alerts("HostBusy")[0]["status"]["inhibitedBy"])
        assert not ours["status"]["inhibitedBy"]
        assert not [line for line in logged(chain.coral) if line["level"] == "error"]
