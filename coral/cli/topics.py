"""`coral topics`: create the topics CORAL uses, or check them."""

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from coral.cli.options import Address, Config, Count, Overrides, load_settings
from coral.errors import Exit

if TYPE_CHECKING:
    from coral.settings import Settings
    from streams.kafka.topics import TopicSpec

__all__ = ["needed", "topics"]


def needed(settings: "Settings", partitions: int) -> "tuple[TopicSpec, ...]":
    """Return every topic of a configuration, with at least `partitions` where that scales."""
    from streams.kafka import topics as admin

    return (
        *(admin.metrics_topic(name, partitions) for name in settings.input.topics),
        admin.incidents_topic(settings.output.incidents, partitions),
        admin.dead_letter_topic(settings.output.dead_letters),
        admin.feedback_topic(settings.input.feedback),
        admin.alerts_topic(settings.alerts.topic),
        admin.changes_topic(settings.input.changes),
        admin.state_topic(settings.state.topic, partitions),
    )


def topics(
    action: Annotated[Literal["create", "check"], Parameter(name="ACTION")],
    /,
    *,
    config: Config = None,
    overrides: Overrides = (),
    kafka: Address = None,
    partitions: Count = 1,
    replicas: Annotated[Count, Parameter(show_default=False)] = -1,
) -> int:
    """Create the topics CORAL uses, or check them.

    For example:
      coral topics create --config coral.toml --partitions 6
      coral topics check --kafka localhost:9092 --partitions 6

    Parameters
    ----------
    action
        Create those that are missing, or only say what is wrong.
    kafka
        Short for --set kafka.bootstrap_servers=HOST:PORT.
    partitions
        At least so many.
    replicas
        Copies; without it as many as the cluster makes by default.
    """
    from rich.console import Console

    from coral.daemon.connection import connection_of
    from streams.clock import SystemClock
    from streams.kafka import topics as admin

    settings = load_settings(config, overrides, kafka)
    console, connection = Console(), connection_of(settings, SystemClock())
    specs = needed(settings, partitions)
    if action == "create":
        for name in admin.create(connection, specs, replicas):
            console.print(f"created {name}", highlight=False)
    problems = admin.check(connection, specs, settings.kafka.group_id)
    for problem in problems:
        console.print(problem, highlight=False, soft_wrap=True)
    if problems:
        return Exit.INVALID
    console.print(f"{len(specs)} topics are as they should be.", highlight=False)
    return Exit.OK
