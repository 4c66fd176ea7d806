"""A real Alertmanager: the program of Debian's package, fetched where it is not installed."""

import json
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from debian import program
from served import until

NAME = "prometheus-alertmanager"
SHARED = "/usr/share/prometheus/alertmanager"
HERE = "/proc/self/cwd"


class Alertmanager:
    """A running one, to be asked and told."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"

    def _ask(self, path: str, body: object = None, method: str | None = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self.url}{path}", data, method=method)  # noqa: S310
        request.add_header("Content-Type", "application/json")
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else None

    def alerts(self, **query: str) -> list[Any]:
        """The alerts that it shows, silenced ones too."""
        return list(self._ask(f"/api/v2/alerts?{urlencode(query)}"))

    def fire(self, labels: Mapping[str, str]) -> None:
        """Tell it that an alert has begun."""
        self._ask("/api/v2/alerts", [{"labels": dict(labels)}])

    def silence(self, **labels: str) -> str:
        """Silence alerts with these labels for an hour; return the silence."""
        now = datetime.now(UTC)
        matchers = [
            {"name": name, "value": value, "isRegex": False, "isEqual": True}
            for name, value in labels.items()
        ]
        facts = {"createdBy": "test", "comment": "test", "matchers": matchers}
        times = {"startsAt": now.isoformat(), "endsAt": (now + timedelta(hours=1)).isoformat()}
        return str(self._ask("/api/v2/silences", facts | times)["silenceID"])

    def unsilence(self, silence: str) -> None:
        """End a silence."""
        self._ask(f"/api/v2/silence/{silence}", method="DELETE")

    def is_up(self) -> bool:
        """Whether it is ready."""
        try:
            self._ask("/api/v2/status")
        except (OSError, HTTPError):
            return False
        return True


@contextmanager
def alertmanager(
    home: Path, receiver: str = "", *, config: Mapping[str, Any] | None = None, port: int = 0
) -> Iterator[Alertmanager]:
    """An Alertmanager with a configuration, at a free port unless one is named.

    Without a configuration it forwards everything to a webhook, if one is named, at once.
    """
    hooks = [{"url": receiver, "send_resolved": True}] if receiver else []
    config = config or {
        "route": {
            "receiver": "all",
            "group_by": ["incident"],
            "group_wait": "100ms",
            "group_interval": "200ms",
        },
        "receivers": [{"name": "all", "webhook_configs": hooks}],
    }
    (home / "alertmanager.yml").write_text(json.dumps(config))  # JSON is YAML
    with socket.create_server(("127.0.0.1", port)) as free:
        port = free.getsockname()[1]
    command, folder = _program(home)
    command += [
        f"--config.file={home / 'alertmanager.yml'}",
        f"--storage.path={home / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
    ]
    log = (home / "alertmanager.log").open("w")
    with log, subprocess.Popen(command, cwd=folder, stdout=log, stderr=log) as process:
        try:
            made = Alertmanager(port)
            until(lambda: made.is_up() or process.poll() is not None)
            assert process.poll() is None, (home / "alertmanager.log").read_text()
            yield made
        finally:
            process.terminate()
            process.wait(60)


def _program(home: Path) -> tuple[list[str], Path]:
    """The command, and the folder to run it in.

    Debian's program reads its texts from where its package is installed. That of a package that
    was only unpacked is told another place, of the same length: its own working directory.
    """
    path = Path(program(NAME, NAME))
    if Path(SHARED).exists():
        return [str(path)], home
    texts = path.parents[2] / SHARED.lstrip("/")
    copy = texts / "alertmanager"
    if not copy.exists():
        held, there = path.read_bytes(), HERE.ljust(len(SHARED), "/")
        assert SHARED.encode() in held
        made = texts / f"alertmanager.{os.getpid()}"
        made.write_bytes(held.replace(SHARED.encode(), there.encode()))
        made.chmod(0o755)
        made.rename(copy)  # another worker may have been quicker, with the same
    return [str(copy)], texts
