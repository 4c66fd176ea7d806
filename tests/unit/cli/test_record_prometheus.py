"""`coral record prometheus`: from a real Prometheus to the cause, with two commands."""

import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import prometheus
import pytest
from prometheus import Prometheus
from shop_metrics import START, STEP_S, open_metrics

from coral.cli.main import main
from coral.contract.events import decode
from coral.errors import Exit
from streams.recorded import Recording, validate

ROWS = 280
SLOW = "web:shop_request_seconds.p95"
WINDOW = ("--since", str(START), "--until", str(START + STEP_S * ROWS))
SHOP = ("--match", '{job="shop"}')


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    with prometheus.holding(tmp_path_factory.mktemp("shop"), open_metrics(ROWS)) as made:
        yield made


def record(server: Prometheus, *words: str) -> int:
    """The exit code of the command with these words."""
    return main(["record", "prometheus", f"http://127.0.0.1:{server.port}", *words])


class TestTwoCommands:
    def test_the_cause_is_found(
        self, shop: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """What is recorded is sound; a replay finds what was wrong, and when."""
        out, events = tmp_path / "checkout", tmp_path / "events.ndjson"
        assert Exit.OK == record(shop, *SHOP, *WINDOW, "--kpi", SLOW, "--out", str(out))
        said = capsys.readouterr().out
        assert f"{ROWS} rows, one every 15 s, of 21 series of 4 entities" in said
        assert said.endswith(f"Next: coral replay {out}\n")
        assert [] == [str(problem) for problem in validate(out) if problem.severity != "info"]
        meta = Recording.open(out).meta
        assert ("checkout", 15.0, (SLOW,)) == (meta.system, meta.interval_s, meta.kpi)

        assert Exit.OK == main(["replay", str(out), "--out", str(events)])
        told = [decode(line).data for line in events.read_bytes().splitlines()]
        assert 1 == len({each.incident for each in told})
        assert "db" == told[-1].causes[0].entity
        assert Exit.OK == main(["explain", str(events)])

    def test_likely_health_signals(
        self, shop: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Without one they are proposed, the slowest first, and the second command is written."""
        out = tmp_path / "it's"
        assert Exit.OK == record(shop, *SHOP, *WINDOW, "--out", str(out))
        *_, first, second, third, errors, last = capsys.readouterr().out.splitlines()
        slow = [f"  {service}:shop_request_seconds.p95" for service in ("web", "pay", "cart")]

        assert [*slow, "  web:shop_errors_total"] == [first, second, third, errors]
        assert last.endswith(f": coral replay {shlex.quote(str(out))} --kpi {SLOW}")

    def test_configuration(self, shop: Prometheus, tmp_path: Path) -> None:
        """Names, health signals, edges and grid are those of the daemon that it is for."""
        file, out = tmp_path / "coral.toml", tmp_path / "checkout"
        file.write_text(
            """
            [input.topics.scraped]
            format = "prometheus_json"
            entity = ["svc-{service}"]
            [systems.shop]
            interval_s = 30
            kpi = ["svc-web:shop_request_seconds.p95"]
            edges = [["svc-web", "svc-db"]]
            """
        )
        words = ("--config", str(file), "--system", "shop", "--out", str(out))
        assert Exit.OK == record(shop, *SHOP, *WINDOW, *words)
        meta = Recording.open(out).meta
        assert ("shop", 30.0, (("svc-web", "svc-db"),)) == (
            meta.system,
            meta.interval_s,
            meta.edges,
        )
        assert ("svc-web:shop_request_seconds.p95",) == meta.kpi

    def test_a_health_signal_may_leave_labels_out(
        self, shop: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It stands for the series that are recorded, and for those that are replayed."""
        file, out = tmp_path / "coral.toml", tmp_path / "checkout"
        file.write_text('[input.topics.scraped]\nformat = "prometheus_json"\nsplit = ["job"]\n')
        words = ("--config", str(file), "--kpi", SLOW, "--out", str(out))
        assert Exit.OK == record(shop, *SHOP, *WINDOW, *words)
        said, recording = capsys.readouterr().out, Recording.open(out)

        assert "has no value" not in said
        assert SLOW not in recording.names
        assert f"{SLOW}{{job=shop}}" in recording.names
        assert (SLOW,) == recording.meta.kpi


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("words", "code", "said"),
        [
            (WINDOW, Exit.USAGE, "--match SELECTOR expected, such as '{job=\"shop\"}'; jobs there"),
            ((*WINDOW, "--match", '{job="shpo"}'), Exit.INVALID, "did you mean `shop`?"),
            ((*WINDOW, "--match", '{job="shop"'), Exit.INVALID, "unexpected end of input"),
            (SHOP, Exit.INVALID, "the server has no series at all then"),
            ((*SHOP, *WINDOW, "--kpi", "web:p95"), Exit.FAILURE, "no series is called `web:p95`"),
            ((*SHOP, *WINDOW, "--step", "2h"), Exit.USAGE, "at least 2 steps of 7200 s"),
            ((*SHOP, "--since", "1h", "--until", "2h"), Exit.USAGE, "--since before --until"),
            ((*SHOP, "--since", "2099-01-01T00:00:00Z"), Exit.USAGE, "--since before now"),
            ((*SHOP, "--since", "yesterday"), Exit.USAGE, "or how long ago as 6h, expected"),
            ((*SHOP, "--header", "X-Scope-OrgID"), Exit.USAGE, "--header 'NAME: VALUE' expected"),
            ((*SHOP, "--header", "a b: c"), Exit.INVALID, "that HTTP knows expected, got 'a b'"),
            ((*SHOP, "--token-file", "none"), Exit.INVALID, "file that can be read expected"),
            ((*SHOP, "--topic", "x"), Exit.USAGE, "--topic of format prometheus_json expected"),
            ((*SHOP, "--set", "prometheus.username=me"), Exit.INVALID, "both `username` and"),
        ],
    )
    def test_says_so(
        self,
        shop: Prometheus,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        words: tuple[str, ...],
        code: Exit,
        said: str,
    ) -> None:
        """In a line, and leaves nothing behind."""
        assert code == record(shop, *words, "--out", str(tmp_path / "checkout"))
        captured = capsys.readouterr()
        assert said in captured.err
        assert "" == captured.out
        assert [] == [*tmp_path.iterdir()]

    def test_a_folder_in_the_way(
        self, shop: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """It stays as it is, and nothing is asked."""
        assert Exit.FAILURE == record(shop, *SHOP, "--out", str(tmp_path))
        assert "exists already" in capsys.readouterr().err

    def test_no_folder_can_be_made(
        self, shop: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """Which is said before anything is asked."""
        (tmp_path / "file").touch()
        assert Exit.FAILURE == record(shop, *SHOP, "--out", str(tmp_path / "file" / "checkout"))
        assert "cannot be made: no folder that can be written is" in capsys.readouterr().err

    def test_a_system_of_that_name(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A topic's system called like the command comes behind an option."""
        flags = ["--set", "kafka.group_id="]
        assert Exit.INVALID == main(["record", *flags, "--out", "nowhere", "prometheus"])
        assert "kafka.group_id" in capsys.readouterr().err


def test_what_cannot_be_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is left out, counted, and said; the rest is recorded."""
    lines = ["# TYPE level gauge"]
    for labels in ('service="a"', 'zone="b"'):
        lines += [f"level{{{labels}}} {row} {START + STEP_S * row}" for row in range(20)]
    out = tmp_path / "checkout"
    with prometheus.holding(tmp_path / "server", "\n".join([*lines, "# EOF", ""])) as server:
        assert Exit.OK == record(server, "--match", "level", *WINDOW, "--out", str(out))
    assert "left out: 1 series: labels for the entity" in capsys.readouterr().err
    assert ("a:level",) == Recording.open(out).names


def test_more_series_than_a_system_may_have(
    shop: Prometheus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is said, and of what there are most."""
    limit = ("--set", "limits.max_series=20")
    assert Exit.OK == record(shop, *SHOP, *WINDOW, *limit, "--out", str(tmp_path / "checkout"))
    assert "more than the 20 series of a system: 6 of `" in capsys.readouterr().err


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C while it waits for an answer: no folder, and nothing else."""
    # Whoever starts the tests in the background has them ignore the signal.
    command = ["env", "--default-signal=INT", sys.executable, "-m", "coral.cli.main"]
    command += ["record", "prometheus"]
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        words = [address, *SHOP, "--out", str(tmp_path / "checkout")]
        with subprocess.Popen([*command, *words], stderr=subprocess.PIPE) as process:
            connection, _ = silent.accept()
            with connection:
                assert connection.recv(1)
                process.send_signal(signal.SIGINT)
                _, said = process.communicate(timeout=60)
    assert Exit.INTERRUPTED == process.returncode
    assert b"Traceback" not in said
    assert [] == [*tmp_path.iterdir()]
