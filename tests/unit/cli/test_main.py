"""The command line as a whole: help, wrong usage, exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from incidents import incident_event

from coral import __version__
from coral.cli.main import COMMANDS, main, program
from coral.contract.events import encode
from coral.errors import Exit

GROUPS = {
    "config": ("check", "print", "schema"),
    "graph": ("export", "diff"),
    "record": ("prometheus",),
}
CALLS = [
    (),
    *((name,) for name in COMMANDS),
    *((group, action) for group, actions in GROUPS.items() for action in actions),
]
HEAVY = {"kafka", "numba", "numpy", "rich.progress", "scipy"}
HELP = """
import sys
from coral.cli.main import main
for call in sys.stdin.read().splitlines():
    assert main([*call.split(), "--help"]) == 0, call
print(*sorted(sys.modules), file=sys.stderr)
"""


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What is said of a call that is wrong usage."""
    assert Exit.USAGE == main(words)
    said = capsys.readouterr()
    assert "" == said.out
    return said.err


class TestHelp:
    def test_is_documented(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--help` names every command, examples and the exit codes."""
        assert Exit.OK == main(["--help"])
        printed = capsys.readouterr().out
        listed = {line.split()[0] for line in printed.splitlines() if line[:3].strip()}

        assert set(COMMANDS) <= listed
        assert "For example:\n  coral demo\n" in printed
        assert "Exit codes:\n    0  done\n" in printed

    def test_no_command_at_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`coral` alone is `coral --help`."""
        assert Exit.OK == main(["--help"])
        expected = capsys.readouterr()
        assert Exit.OK == main([])

        assert expected == capsys.readouterr()

    def test_the_list_of_commands_reads_none_of_them(self) -> None:
        """Nor what they share: it is there at once, on a busy machine too."""
        command = [sys.executable, "-c", HELP]

        done = subprocess.run(command, input="\n", capture_output=True, text=True, check=True)

        ours = {"coral.cli", "coral.cli.main", "coral.cli.options", "coral.errors"}
        ours |= {"coral.report", "coral.report.terminal"}  # how wide a terminal is, or a pipe
        read = done.stderr.split()
        assert ours == {name for name in read if name.startswith(("coral.", "streams."))}
        assert "msgspec" not in read

    def test_is_light_narrow_and_without_colours(self) -> None:
        """No help imports a kernel or a client, or is wider than 80 columns, in a pipe."""
        calls = "\n".join(map(" ".join, CALLS))
        environment = os.environ | {"COLUMNS": "80"}
        command = [sys.executable, "-c", HELP]

        done = subprocess.run(
            command, input=calls, env=environment, capture_output=True, text=True, check=True
        )

        assert set() == HEAVY & set(done.stderr.split())
        assert "\x1b" not in done.stdout
        lines = done.stdout.splitlines()
        assert max(map(len, lines)) <= 80
        assert [] == [line for line in lines if line != line.rstrip()]
        assert len(CALLS) == done.stdout.count("Usage: coral") == done.stdout.count("For example:")

    def test_what_cannot_be_written_is_escaped(self) -> None:
        """In a narrow pipe that takes ASCII alone, the mark of what is cut is no defect."""
        environment = os.environ | {"COLUMNS": "20", "PYTHONIOENCODING": "ascii"}
        command = [sys.executable, "-m", "coral.cli.main", "record", "prometheus", "--help"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)

        assert done.stdout.isascii()
        assert "" == done.stderr

    def test_the_list_says_what_the_commands_say(self) -> None:
        """Its sentences are the first of the docstrings."""
        app = program(tuple(COMMANDS))

        assert COMMANDS == {name: app[name].help.partition("\n")[0] for name in COMMANDS}

    def test_version(self, capsys: pytest.CaptureFixture[str]) -> None:
        """That of the package."""
        assert Exit.OK == main(["--version"])
        assert f"coral {__version__}\n" == capsys.readouterr().out


class TestWrongUsage:
    def test_exits_with_2(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The speed must be a number or `max`."""
        assert "`max` expected, got 'fast'" in refused(capsys, "replay", "x", "--speed", "fast")

    @pytest.mark.parametrize(
        ("call", "meant"),
        [
            ("rpelay x", '"replay"'),
            ("config chek", '"check"'),
            ("replay x --sped 3", "--speed"),
            ("explain x --markdwn", "--markdown"),
            ("explain --markdwn x", "--markdown"),
            ("feedback x y --caus db --cause db", "--cause"),
            ("evaluate x --mode onlin", '"online"'),
            ("topics creat", '"create"'),
        ],
    )
    def test_did_you_mean(self, capsys: pytest.CaptureFixture[str], call: str, meant: str) -> None:
        """A slip of the finger is answered with the word that was meant."""
        assert f"Did you mean {meant}?" in refused(capsys, *call.split())

    @pytest.mark.parametrize(
        ("call", "said"),
        [
            ("replay", "coral replay: PATH is missing"),
            ("record shop", "coral record: --out is missing"),
            ("record shop --ot x", "is missing. Did you mean --out instead of --ot?"),
            ("replay x --speed", "coral replay: --speed needs a value"),
            ("demo x", "coral demo: nothing more expected, got x"),
            ("config", "coral config: say what to do: check, print, schema"),
            ("graph", "coral graph: say what to do: export, diff"),
            ("--verison", "coral: Unknown option: --verison"),
            ("explain", "FILE is missing, or --kafka"),
            ("explain x --markdown --json", "--markdown or --json, got both"),
            ("explain x y --kafka localhost:1", "FILE or a Kafka, got y and a Kafka"),
            ("feedback x --cause db", "INCIDENT is missing"),
            ("topics check --partitions 0", "a whole number >= 1 expected, got '0'"),
            ("record shop --out x --seconds max", "seconds > 0 expected, got 'max'"),
            ("record shop --out x --seconds 1h5", "got '1h5'; or 90s, 15m, 6h, 2d"),
            ("record shop --out x --seconds 0m", "seconds > 0 expected, got '0m'"),
            ("record prometheus", "coral record prometheus: URL is missing"),
            ("replay x --interval 0", "seconds > 0 expected, got '0'"),
            ("graph diff x --to nan", "2026-11-22T12:40:00Z expected, got 'nan'"),
            ("evaluate x --jobs two", "--jobs"),
        ],
    )
    def test_says_what_was_wrong_and_where_help_is(
        self, capsys: pytest.CaptureFixture[str], call: str, said: str
    ) -> None:
        """In two lines, the second of which can be called as it stands."""
        first, second = refused(capsys, *call.split()).splitlines()
        named = [*second.removeprefix("Try `").removesuffix("`.").split()]

        assert said in first
        assert "coral" == named[0]
        assert Exit.OK == main(named[1:])


class TestFailures:
    def test_a_defect_shows_its_traceback(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """With the frames of the command, not of a library around it."""
        monkeypatch.setattr("coral.settings.load", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError) as caught:
            main(["config", "check"])

        assert "check" in {frame.name for frame in caught.traceback}
        assert not [frame.path for frame in caught.traceback if "cyclopts" in str(frame.path)]

    def test_interrupted(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Ctrl-C is no traceback."""

        def interrupt(*_: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr("coral.settings.load", interrupt)
        assert Exit.INTERRUPTED == main(["config", "check"])

    def test_a_file_that_is_not_there(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What else the word may have meant is said."""
        assert Exit.FAILURE == main(["explain", str(tmp_path / "none")])
        assert "there is no file" in capsys.readouterr().err

    def test_a_disk_that_is_full(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The file is named, in one line."""
        events = tmp_path / "events.ndjson"
        events.write_bytes(encode(incident_event()))
        assert Exit.FAILURE == main(["report", str(events), "-o", "/dev/full", "--markdown"])
        assert "coral: /dev/full: No space left on device\n" == capsys.readouterr().err


THREADS = """
import sys
from coral.cli.main import main
assert "numpy" not in sys.modules
main(["config", "check"])
import scipy.linalg
print(*(line for line in open("/proc/self/status") if line.startswith("Threads")))
"""


@pytest.mark.parametrize(("chosen", "each"), [({}, 1), ({"OMP_NUM_THREADS": "3"}, 3)])
def test_blas_has_one_thread_unless_told_otherwise(chosen: dict[str, str], each: int) -> None:
    """Small matrices on many threads would burn every core, and save no time."""
    kept = {name: value for name, value in os.environ.items() if "_NUM_THREADS" not in name}
    command = [sys.executable, "-c", THREADS]

    done = subprocess.run(command, env=kept | chosen, capture_output=True, text=True, check=True)

    # numpy and scipy bring one each, of at most a thread a core, the first of which is ours.
    extra = min(each, len(os.sched_getaffinity(0))) - 1
    assert 1 + 2 * extra == int(done.stdout.rsplit(maxsplit=1)[-1])
