"""The command line; `coral --help` lists the commands."""

import io
import os
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from cyclopts import (
    App,
    CycloptsError,
    Group,
    MissingArgumentError,
    Parameter,
    UnknownCommandError,
    UnknownOptionError,
    UnusedCliTokensError,
)
from cyclopts.help import DefaultFormatter, PanelSpec
from rich.box import SIMPLE

from coral import __version__
from coral.cli.options import UsageError
from coral.errors import CoralError, Exit

__all__ = ["main", "program"]

HELP = """Online root-cause analysis of metrics.

For example:
  coral demo
  coral explain events.ndjson
  coral replay incidents/checkout --plot checkout.png
  coral run --config coral.toml
  source <(coral completion bash)
"""
EXIT_CODES = """Exit codes:
    0  done
    1  failure (a file cannot be written, a case crashed);
       run: start it again; the log says why (it may have stood still)
    2  wrong usage
    3  a recording, an event, a topic or the configuration cannot be used;
       all other recordings were processed
    4  replay: no incident was opened in any recording;
       explain, report, feedback: no such incident;
       record: no row of the system came
  130  interrupted; run: stopped before everything was stored

Data goes to stdout, messages and progress to stderr.
"""
# The first sentences of the functions' docstrings: only the file of a called command is imported.
COMMANDS = {
    "run": "Watch the metrics of a Kafka and publish incidents, until SIGTERM or Ctrl-C.",
    "dashboard": "Show the incidents of all replicas on a page, until SIGTERM or Ctrl-C.",
    "demo": "Replay a bundled incident of a real system through the in-memory broker.",
    "replay": "Run recorded incidents through the engine, row by row.",
    "explain": "Tell the whole case of an incident from its events.",
    "report": "Write an incident as one file, to attach to a ticket or to a chat.",
    "feedback": "Say what was the cause of an incident, so that its like is recognised.",
    "evaluate": "Score the engine over trees of recorded incidents.",
    "validate": "Say in words what is wrong with a recording, and what CORAL will do about it.",
    "record": "Record a window of a live topic, or of a Prometheus, as an incident folder.",
    "systems": "Look at a topic and print its systems and entities as a configuration to paste.",
    "topics": "Create the topics CORAL uses, or check them.",
    "status": "Ask a running daemon what it sees, what is open, and how far behind it is.",
    "ask": "Ask a running daemon what is wrong with a system now.",
    "rekey": "Copy the input topics into one whose keys are the systems, until SIGTERM or Ctrl-C.",
    "config": "Check or show the configuration of the daemon.",
    "graph": "Export the learned causal graph, or say what changed between two.",
    "completion": "Print the script that completes commands and options in a shell.",
}


def program(words: Sequence[str] = ()) -> App:
    """Return the command line as it is needed for `words`."""
    app = App(
        name="coral",
        help=HELP,
        help_epilogue=EXIT_CODES,
        help_format="plaintext",
        help_formatter=DefaultFormatter(panel_spec=PanelSpec(box=SIMPLE, padding=(0, 1))),
        group_parameters=Group.create_default_parameters("Options"),
        version=f"coral {__version__}",
        default_parameter=Parameter(negative=(), show_default=_default),
        print_error=False,
        exit_on_error=False,
    )
    for place, (name, summary) in enumerate(COMMANDS.items()):
        # A summary given here would stand in the place of the command's whole docstring.
        about = None if name in words else summary
        app.command(f"coral.cli.{name}:{name}", name=name, help=about, sort_key=place)
    return app


def _default(value: object) -> str | None:
    """Return a default value as help shows it; None = it says nothing."""
    if isinstance(value, float):
        return f"{value:g}"
    return None if value in (None, False, ()) else str(value)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    # All matrices are small: with more threads than one BLAS takes more cores, and as much time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if isinstance(sys.stdout, io.TextIOWrapper):  # what it cannot write is escaped, as in stderr
        sys.stdout.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else [*arguments]
    app = program(words)
    try:
        code: int | None = _called(app, words)()
    except (CycloptsError, UsageError) as error:
        return _wrong_usage(app, words, error)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except Exception as error:
        known = _explained(error)
        if known is None:
            raise
        return known
    return Exit.OK if code is None else code


def _called(app: App, words: list[str]) -> Callable[[], Any]:
    """Return the command that the words call, with its arguments.

    It is not called by the library, whose frames would stand in the traceback of a defect.
    """
    chain, apps, rest = app.parse_commands(words)
    if chain and not rest and apps[-1].default_command is None:
        actions = ", ".join(name for name in apps[-1] if not name.startswith("-"))
        raise UsageError(f"say what to do: {actions}")
    command, bound, _ = app.parse_args(words)
    if "console" in bound.arguments:  # help, or the version
        from coral.report.terminal import console_for

        bound.arguments["console"] = console_for(width=None)
    return partial(command, *bound.args, **bound.kwargs)


def _wrong_usage(app: App, words: list[str], error: CycloptsError | UsageError) -> Exit:
    """Say in two lines what was wrong, and where to read what is right."""
    chain, apps, _ = app.parse_commands(words)
    text = str(error)
    match error:
        case UnusedCliTokensError(unused_tokens=[*unused]):
            text = f"nothing more expected, got {' '.join(unused)}"
        case MissingArgumentError(keyword=str(option)):
            text = f"{option} needs a value"
        case MissingArgumentError(argument=argument) if argument is not None:
            _, _, hint = text.partition("requires an argument.")
            text = f"{argument.name} is missing.{hint}"
        case UnknownCommandError(unused_tokens=[str(word), *_]) if word.startswith("-"):
            text = f"Unknown option: {word}; there are --help and --version"
        case UnknownOptionError():
            # The converter of a word does not know the options there are.
            error.argument_collection = apps[-1].assemble_argument_collection()
            text = str(error)
    command = " ".join(("coral", *chain))
    sys.stderr.write(f"{command}: {text}\nTry `{command} --help`.\n")
    return Exit.USAGE


def _explained(error: Exception) -> Exit | None:
    """Say in words what went wrong; None = it is a defect, and its traceback is wanted."""
    from coral.settings import SettingsError
    from streams.errors import StreamsError

    match error:
        case SettingsError():
            text, code = f"the configuration cannot be used:\n{error}", Exit.INVALID
        case StreamsError():  # a recording or message that cannot be used
            text, code = str(error), Exit.INVALID
        case OSError(filename=name, strerror=str(why)):
            text, code = f"{name}: {why}" if name else why, Exit.FAILURE
        case CoralError() | OSError():
            text, code = str(error), Exit.FAILURE
        case _:
            return None
    sys.stderr.write(f"coral: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
