"""`deploy/compose.yaml` against the broker it describes: its version and its settings."""

import re
from pathlib import Path

from kafka.admin import ConfigResource, ConfigResourceType
from kafkas import Broker

DEPLOY = Path(__file__).parents[2] / "deploy"


def test_version() -> None:
    """The image is of the version that the tests run against."""
    (tag,) = re.findall(r"image: apache/kafka:(\S+)", (DEPLOY / "compose.yaml").read_text())

    assert f"<version>{tag}</version>" in (DEPLOY / "kafka" / "pom.xml").read_text()


def test_settings(kafka: Broker) -> None:
    """Every variable is a setting that this broker knows; a typing error would go unnoticed."""
    variables = re.findall(r"^ +KAFKA_(\w+): ", (DEPLOY / "compose.yaml").read_text(), re.MULTILINE)
    wanted = {name.lower().replace("_", ".") for name in variables}
    node = str(kafka.admin.describe_cluster()["brokers"][0]["broker_id"])
    asked = ConfigResource(ConfigResourceType.BROKER, node, configs=None)
    known = kafka.admin.describe_configs([asked], config_filter="all")["broker"][node]

    assert {"listeners", "node.id"} <= wanted
    assert set() == wanted - known.keys()
