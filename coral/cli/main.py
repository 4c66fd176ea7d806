"""The command line; `coral --help` lists the commands."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from coral import __version__
from coral.cli.graph_options import EXAMPLES, add_graph_options
from coral.cli.values import count, seconds, speed
from coral.errors import CoralError, Exit

__all__ = ["main"]

EPILOG = """\
exit codes:
  0  done
  1  failure (a file cannot be written, a case crashed); run: the log says why, or no
     step finished for two minutes; start it again
  2  wrong usage
  3  a recording, an event, a topic or the configuration cannot be used; all other
     recordings were processed
  4  replay: no incident was opened in any recording; explain, feedback: no such incident
130  interrupted; run: stopped before everything was stored

data goes to stdout, messages and progress to stderr.
"""


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="coral",
        description="Online root-cause analysis of metrics.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"coral {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_replay(commands)
    _add_explain(commands)
    _add_feedback(commands)
    _add_evaluate(commands)
    _add_record(commands)
    _add_topics(commands)
    _add_rekey(commands)
    validate = _command(
        commands,
        "validate",
        "say in words what is wrong with a recording, and what CORAL will do about it",
        "coral validate incidents/checkout\n  coral validate metrics.csv --kpi web:latency",
    )
    validate.add_argument("paths", nargs="+", metavar="PATH", type=Path)
    _add_table_options(validate)
    _add_json(validate, "print the problems as JSON, one line each")
    demo = _command(
        commands,
        "demo",
        "replay a bundled incident of a real system through the in-memory broker",
        "coral demo\n  coral demo --list\n  coral demo --case NAME --speed max",
    )
    demo.add_argument("--case", metavar="NAME", help="which bundled incident")
    demo.add_argument("--list", action="store_true", help="list the bundled incidents")
    pace = "N x real time, or max (120)"
    demo.add_argument("--speed", type=speed, default=120.0, metavar="N", help=pace)
    out = Path("events.ndjson")
    demo.add_argument("--out", type=Path, default=out, help="events go there (%(default)s)")
    _add_config(commands)
    _add_graph(commands)
    return parser


def _add_graph(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    summary = "export the learned causal graph, or say what changed between two"
    add_graph_options(_command(commands, "graph", summary, EXAMPLES))


def _add_config(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    config = _command(
        commands,
        "config",
        "check or show the configuration of the daemon",
        "coral config check coral.toml\n"
        "  coral config print coral.toml --effective\n"
        "  coral config check coral.toml --set kafka.group_id=coral-test",
    )
    actions = config.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, summary in (
        ("check", "name everything that is wrong, with its place, rule and value"),
        ("print", "show what is set, where, and secrets masked, as TOML"),
    ):
        action = actions.add_parser(name, help=summary, description=f"{summary}.")
        _add_settings_file(action)
        if name == "print":
            action.add_argument("--effective", action="store_true", help="show defaults too")
    schema = "JSON Schema of the file, for editors"
    actions.add_parser("schema", help=schema, description=f"{schema}.")


def _add_settings_file(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", metavar="FILE", type=Path, help="TOML")
    _add_set(parser)


def _add_settings(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--config", metavar="FILE", type=Path, help="TOML; see `coral config`")
    _add_set(parser)


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="overrides environment and file; may be repeated",
    )


def _add_run(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    run = _command(
        commands,
        "run",
        "watch the metrics of a Kafka and publish incidents, until SIGTERM or Ctrl-C",
        "coral run --config coral.toml\n"
        "  coral run --set kafka.bootstrap_servers=localhost:9092 --set log.level=debug\n"
        "  CORAL_KAFKA__GROUP_ID=coral-test coral run --config coral.toml",
    )
    _add_settings(run)


def _add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    replay = _command(
        commands,
        "replay",
        "run recorded incidents through the engine, row by row",
        "coral replay incidents/checkout\n"
        "  coral replay metrics.csv.gz --kpi web:latency --interval 10 --speed 60\n"
        "  coral replay incidents/* --out events.ndjson\n"
        "  coral replay incidents/checkout --plot checkout.png\n"
        "  coral replay incidents/checkout --kafka localhost:9092 --speed 60",
    )
    replay.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        type=Path,
        help="folder of a recorded incident, or a bare CSV, CSV.gz or Parquet file",
    )
    replay.add_argument(
        "--speed", type=speed, default=None, metavar="N", help="N x real time, or max (default)"
    )
    replay.add_argument(
        "--oracle", action="store_true", help="tell the engine the labelled start of the fault"
    )
    replay.add_argument(
        "--feedback", type=Path, metavar="FILE", help="confirmed causes, from `coral feedback`"
    )
    replay.add_argument("--out", type=Path, metavar="FILE", help="write the events as NDJSON")
    replay.add_argument(
        "--plot",
        type=Path,
        metavar="FILE",
        help="draw health signals, the trigger's statistic, top series and the rank history (.png, "
        ".svg, .pdf; needs the extra `plots`; one recording)",
    )
    _add_kafka(replay, "write the rows into its --topic instead of running them here")
    _add_table_options(replay)
    _add_json(replay, "print the events to stdout as NDJSON instead of tables")


def _add_explain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    explain = _command(
        commands,
        "explain",
        "tell the whole case of an incident from its events",
        "coral explain events.ndjson\n"
        "  coral explain 3f2a events.ndjson\n"
        "  coral explain 3f2a events.ndjson --markdown > post-mortem.md\n"
        "  coral replay incidents/checkout --json | coral explain -\n"
        "  coral explain 3f2a --kafka localhost:9092",
    )
    _add_events(explain, "identifier, or the beginning of it; without one the incidents are listed")
    form = explain.add_mutually_exclusive_group()
    form.add_argument("--markdown", action="store_true", help="for the post-mortem")
    form.add_argument("--json", action="store_true", help="the newest event and all revisions")


def _add_feedback(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    feedback = _command(
        commands,
        "feedback",
        "say what was the cause of an incident, so that its like is recognised",
        "coral feedback 3f2a --cause orders-db --kafka localhost:9092\n"
        "  coral feedback 3f2a events.ndjson --cause orders-db\n"
        "  coral replay incidents/* --feedback feedback.ndjson",
    )
    _add_events(feedback, "identifier, or the beginning of it")
    feedback.add_argument("--cause", required=True, metavar="ENTITY", help="what it really was")
    feedback.add_argument(
        "--out",
        type=Path,
        default=Path("feedback.ndjson"),
        metavar="FILE",
        help="without Kafka it is added there, for `coral replay --feedback` (%(default)s)",
    )


def _add_events(parser: argparse.ArgumentParser, summary: str) -> None:
    """Where an incident comes from: a file, or else the incidents topic."""
    parser.add_argument("incident", nargs="?", metavar="INCIDENT", help=summary)
    parser.add_argument(
        "file",
        nargs="?",
        metavar="FILE",
        help="events, one a line, as replay writes them; - is stdin; not with --kafka or --config",
    )
    _add_settings(parser)
    parser.add_argument(
        "--kafka", metavar="HOST:PORT", help="read the incidents topic of this Kafka instead"
    )


def _add_record(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    record = _command(
        commands,
        "record",
        "record a window of a live topic as an incident folder",
        "coral record shop --kafka localhost:9092 --interval 10 --seconds 3600 --out checkout\n"
        "  coral record shop --kafka localhost:9092 --interval 10 --since 900 --out checkout\n"
        "  coral record shop --config coral.toml --topic telegraf --out checkout",
    )
    record.add_argument("system", metavar="SYSTEM")
    _add_kafka(record, "where the topic is", topic=None)
    record.add_argument(
        "--seconds", type=seconds, default=600.0, metavar="S", help="length, event time (600)"
    )
    record.add_argument(
        "--since", type=seconds, metavar="S", help="begin S seconds ago, not with what comes next"
    )
    record.add_argument("--out", type=Path, required=True, metavar="DIR", help="new folder")
    _add_table_options(record, interval="that of the configuration")


def _add_topics(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    topics = _command(
        commands,
        "topics",
        "create the topics CORAL uses, or check them",
        "coral topics create --config coral.toml --partitions 6\n"
        "  coral topics check --kafka localhost:9092 --partitions 6",
    )
    topics.add_argument("action", choices=("create", "check"))
    _add_settings(topics)
    topics.add_argument(
        "--kafka", metavar="HOST:PORT", help="short for --set kafka.bootstrap_servers=HOST:PORT"
    )
    topics.add_argument(
        "--partitions", type=count, default=1, metavar="N", help="at least (%(default)s)"
    )
    topics.add_argument(
        "--replicas", type=count, default=-1, metavar="N", help="copies (the cluster's default)"
    )


def _add_rekey(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    rekey = _command(
        commands,
        "rekey",
        "copy the input topics into one whose keys are the systems, until SIGTERM or Ctrl-C",
        "coral rekey --config rekey.toml --to coral.metrics.v1",
    )
    _add_settings(rekey)
    rekey.add_argument("--to", required=True, metavar="TOPIC", help="gets the records")


def _add_evaluate(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    evaluate = _command(
        commands,
        "evaluate",
        "score the engine over trees of recorded incidents",
        "coral evaluate incidents/ --mode oracle\n"
        "  coral evaluate incidents/ --mode online --jobs 2 --json online.json",
    )
    evaluate.add_argument("dirs", nargs="+", metavar="DIR", type=Path)
    evaluate.add_argument(
        "--mode",
        choices=("oracle", "online"),
        default="online",
        help="oracle: told the onset; online: must notice it (default)",
    )
    evaluate.add_argument("--jobs", type=int, default=-1, metavar="N", help="processes (all cores)")
    evaluate.add_argument(
        "--no-topology", action="store_true", help="ignore the known edges (ablation)"
    )
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the scorecard as JSON")


def _command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    summary: str,
    examples: str,
) -> argparse.ArgumentParser:
    return commands.add_parser(
        name,
        help=summary,
        description=f"{summary[0].upper()}{summary[1:]}.",
        epilog=f"examples:\n  {examples}\n\n{EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def _add_kafka(
    parser: argparse.ArgumentParser, summary: str, topic: str | None = "coral.metrics.v1"
) -> None:
    parser.add_argument("--kafka", metavar="HOST:PORT", help=summary)
    default = topic or "those of the configuration"
    parser.add_argument("--topic", default=topic, metavar="NAME", help=f"topic ({default})")
    _add_settings(parser)


def _add_table_options(parser: argparse.ArgumentParser, *, interval: str = "median step") -> None:
    parser.add_argument(
        "--kpi", action="append", default=[], metavar="NAME", help="health signal; may be repeated"
    )
    parser.add_argument(
        "--interval", type=seconds, metavar="S", help=f"seconds between rows ({interval})"
    )


def _add_json(parser: argparse.ArgumentParser, summary: str) -> None:
    parser.add_argument("--json", action="store_true", help=summary)


def _check_events(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """Sort out the two positional arguments: without Kafka the last one is the file."""
    in_kafka = options.kafka is not None or options.config is not None
    if in_kafka and options.file is not None:
        parser.error(f"FILE or a Kafka, got {options.file} and a Kafka")
    if not in_kafka and options.file is None:
        options.incident, options.file = None, options.incident
        if options.file is None:
            parser.error("the following arguments are required: FILE, or --kafka")
    if options.command == "feedback" and options.incident is None:
        parser.error("the following arguments are required: INCIDENT")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command == "replay" and options.plot is not None and len(options.paths) > 1:
        parser.error(f"--plot draws one recording, got {len(options.paths)}")
    if options.command in ("explain", "feedback"):
        _check_events(parser, options)
    if options.command == "replay" and not options.kafka and (options.config or options.set):
        parser.error("--config and --set are for --kafka")
    # All matrices are small: with more threads than one BLAS takes more cores, and as much time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # The commands import numba and scipy, which takes a second: `coral --help` must not wait.
    from coral.cli import commands  # noqa: PLC0415
    from coral.settings import SettingsError  # noqa: PLC0415
    from streams.errors import StreamsError  # noqa: PLC0415

    try:
        return commands.run(options)
    except SettingsError as error:
        print(f"coral: the configuration cannot be used:\n{error}", file=sys.stderr)  # noqa: T201
        return Exit.INVALID
    except CoralError as error:
        print(f"coral: {error}", file=sys.stderr)  # noqa: T201 - the one place without a console
        return Exit.FAILURE
    except StreamsError as error:  # a recording or message that cannot be used, told in words
        print(f"coral: {error}", file=sys.stderr)  # noqa: T201
        return Exit.INVALID
    except OSError as error:
        print(f"coral: {error}", file=sys.stderr)  # noqa: T201
        return Exit.FAILURE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
