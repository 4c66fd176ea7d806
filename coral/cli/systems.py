"""`coral systems`: what a topic holds, as a configuration to paste."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from coral.cli.options import Address, Config, Overrides, Seconds, load_settings
from coral.errors import Exit

if TYPE_CHECKING:
    from coral.replay.survey import SystemSurvey, TopicSurvey

__all__ = ["proposal", "systems"]

SHOWN = 10


def systems(
    *,
    topic: Annotated[str, Parameter(name="--from", metavar="TOPIC")],
    kind: Annotated[str | None, Parameter(name="--format", metavar="NAME")] = None,
    seconds: Seconds = 60.0,
    since: Seconds | None = None,
    kafka: Address = None,
    config: Config = None,
    overrides: Overrides = (),
) -> int:
    """Look at a topic and print its systems and entities as a configuration to paste.

    For example:
      coral systems --from otlp_metrics --format otlp_proto --kafka localhost:9092
      coral systems --from telegraf --config coral.toml --since 300 > proposed.toml

    Parameters
    ----------
    topic
        What to look at.
    kind
        What its messages are; without it what the configuration says.
    seconds
        How long to look.
    since
        Begin S seconds ago, not with what comes next.
    kafka
        Where the topic is.
    """
    import msgspec
    from rich.console import Console

    from coral.cli.record import tail
    from coral.replay.survey import PEERS, survey
    from streams.clock import SystemClock
    from streams.codec import LabelledCodec, make_codec

    told = () if kind is None else (f"input.topics.{json.dumps(topic)}.format={kind}",)
    settings = load_settings(config, [*overrides, *told], kafka)
    held, codec = settings.input.topics.get(topic), settings.codec(topic)
    if held is not None and held.mapping is not None and isinstance(codec, LabelledCodec):
        mapping = held.mapping
        split = (*mapping.split, *(label for label in PEERS if label not in mapping.split))
        wider = msgspec.structs.replace(mapping, split=split)
        codec = make_codec(held.format, wider, grid=settings.grid)
    with (
        tail(settings, [topic], since) as source,
        Console(stderr=True).status(f"looking at {topic} for {seconds:g} s"),
    ):
        found = survey(source, codec.decode, seconds, SystemClock())
    sys.stdout.write(proposal(topic, "native" if held is None else held.format, found))
    return Exit.OK if found.systems else Exit.INVALID


def proposal(topic: str, kind: str, found: TopicSurvey) -> str:
    """Return what a topic showed as a configuration, in TOML, with comments."""
    lines = [f"# {topic}: {found.records} records"]
    for reason, metric, parts in found.left_out.most(SHOWN):
        lines.append(f"# left out: {reason} {metric} {parts}".rstrip())
    if found.left_out.newest is not None:
        lines.append(f"# {' '.join(str(found.left_out.newest).split())}")
    if not found.systems:
        return "\n".join([*lines, "# no series came; --since 1h begins with what is there", ""])
    lines += [f"[input.topics.{json.dumps(topic)}]", f'format = "{kind}"']
    for name, system in sorted(found.systems.items()):
        lines += ["", *_system(name, system, native=kind == "native")]
    return "\n".join([*lines, ""])


def _system(name: str, system: SystemSurvey, *, native: bool) -> list[str]:
    """Return the lines of one system."""
    lines = [f"[systems.{json.dumps(name)}]"]
    cadence = system.cadence_s
    if cadence is None:
        lines.append("# interval_s: no series came twice; look longer")
    else:
        # Sources that are combined need a grid that jitter never leaves one out of.
        interval = cadence if native else 2 * cadence
        lines.append(f"interval_s = {interval:.6g}  # a value every {cadence:.6g} s")
    lines.append(f"lateness_s = {math.ceil(system.behind_s)}")
    signals = system.health_signals
    if system.calls:
        lines.append(f"kpi = {json.dumps(signals)}")
        lines.append('edge_semantics = "a calls b"')
        lines.append(f"edges = {json.dumps(sorted(map(list, system.calls)))}")
    else:
        lines += [f"# kpi, likely: {json.dumps(signal)}" for signal in signals[:SHOWN]]
        lines.append("# edges: no labels name who calls whom")
    lines.append(f"# {len(system.entities)} entities")
    for entity in sorted(system.entities):
        kinds = ", ".join(f"{kind} {count}" for kind, count in system.kinds(entity).most_common())
        lines.append(f"#   {entity}: {len(system.entities[entity])} series ({kinds})")
    return lines
