"""CORAL in a cluster as its users have it there: helm, kubectl, and what they show."""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from daemons import as_toml
from namespaces import Processes

NAMESPACE = "coral"
PATIENCE_S = 120.0


class NotSeenError(Exception):
    """What was expected did not come; the text says what came instead."""


class Release:
    """One release of the chart.

    Parameters
    ----------
    processes : Processes
        Know where the API server is.
    chart, home : Path
        The chart, and a folder for the values.
    name : str
        Holds `coral`, so that everything of it is called so.
    values : mapping
        What is always set.
    config : mapping
        Sections of the configuration.
    note : callable
        Gets commands and what they print, for the log.
    certificate : Path
        Of the brokers, to trust.
    """

    def __init__(
        self,
        processes: Processes,
        chart: Path,
        home: Path,
        name: str,
        values: Mapping[str, Any],
        config: Mapping[str, Any],
        note: Callable[[str], None],
        certificate: Path,
    ) -> None:
        self.name, self.config, self._home = name, dict(config), home
        self.certificate = certificate
        self._processes, self._chart, self._values, self.note = processes, chart, values, note

    @property
    def environment(self) -> Mapping[str, str]:
        """What programs that know the cluster are run with."""
        return self._processes.environment

    def helm(self, *arguments: str) -> str:
        """Run helm."""
        return self._shown("helm", *arguments, "--namespace", NAMESPACE)

    def kubectl(self, *arguments: str, quiet: bool = False) -> str:
        """Run kubectl."""
        words = ("kubectl", "--namespace", NAMESPACE, *arguments)
        return self._processes.output(*words) if quiet else self._shown(*words)

    def typed(self, *words: str) -> dict[str, str]:
        """Run a command as it is; return it, with files as they are called here, and its output."""
        output, command = self._shown(*words), " ".join(words)
        command = command.replace(f"{self._home}/", "").replace(f"{self._chart.parents[2]}/", "")
        return {"command": command, "output": output}

    def _shown(self, *words: str) -> str:
        self.note(f"$ {' '.join(words)}")
        try:
            output = self._processes.output(*words)
        except RuntimeError as error:
            self.note(str(error))
            raise
        self.note(output.rstrip())
        return output

    def install(self, **values: Any) -> dict[str, str]:
        """Install with further values as a person would; return what was typed and seen."""
        file = self._written(values)
        return self.typed("helm", "install", self.name, str(self._chart), "-f", str(file))

    def apply(self, *, wait: bool = True, **values: Any) -> float:
        """Install or upgrade with further values; return how long it took, s."""
        file = self._written(values)
        waiting = ("--wait", "--timeout", f"{PATIENCE_S:.0f}s") if wait else ()
        begun = time.monotonic()
        self.helm("upgrade", "--install", self.name, str(self._chart), "-f", str(file), *waiting)
        return round(time.monotonic() - begun, 1)

    def _written(self, values: dict[str, Any]) -> Path:
        """Write all values into a file."""
        file = self._home / f"{self.name}.yaml"
        text = "".join(as_toml(self.config))
        file.write_text(json.dumps(dict(self._values) | {"config": text} | values))
        return file

    def pods(self) -> list[dict[str, Any]]:
        """Its pods, as the API server has them."""
        chosen = f"app.kubernetes.io/instance={self.name},app.kubernetes.io/component=daemon"
        found = json.loads(self.kubectl("get", "pods", "-l", chosen, "-o", "json", quiet=True))
        return sorted(found["items"], key=lambda pod: str(pod["metadata"]["name"]))

    def ready(self) -> list[str]:
        """Names of the pods that are ready."""
        return [pod["metadata"]["name"] for pod in self.pods() if is_ready(pod)]

    def restarts(self) -> dict[str, int]:
        """How often the container of each pod was started again."""
        return {
            pod["metadata"]["name"]: sum(
                status["restartCount"] for status in pod["status"].get("containerStatuses", ())
            )
            for pod in self.pods()
        }

    def log(self, pod: str, *more: str) -> list[dict[str, Any]]:
        """The lines of a pod's log."""
        lines = []
        for line in self.kubectl("logs", pod, *more, quiet=True).splitlines():
            with suppress(ValueError):
                lines.append(json.loads(line))
        return [line for line in lines if isinstance(line, dict)]

    def said(self, pod: str, event: str, *more: str) -> list[dict[str, Any]]:
        """The lines of a pod's log with this event."""
        return [line for line in self.log(pod, *more) if line.get("event") == event]

    def until(self, what: str, reached: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
        """Return what `reached` returns as soon as that is true.

        Raises
        ------
        NotSeenError
            If it does not become true in time.
        """
        deadline = time.monotonic() + patience_s
        while True:
            found = None
            with suppress(RuntimeError):  # a pod that is being replaced has no log
                found = reached()
            if found:
                return found
            if time.monotonic() > deadline:
                seen = self.kubectl("get", "pods", "-o", "wide", quiet=True)
                raise NotSeenError(f"{what}: not within {patience_s:.0f} s\n{seen}")
            time.sleep(0.5)

    def all_ready(self, count: int) -> list[str]:
        """Wait until there are so many pods, all ready; return their names."""

        def reached() -> list[str]:
            pods = self.pods()
            names = [pod["metadata"]["name"] for pod in pods if is_ready(pod)]
            return names if len(names) == len(pods) == count else []

        names: list[str] = self.until(f"{count} pods of {self.name} ready", reached)
        return names

    def ready_after(self, count: int) -> float:
        """Wait until there are so many pods, all ready; return how long that took, s."""
        begun = time.monotonic()
        self.all_ready(count)
        return round(time.monotonic() - begun, 1)


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Whether a pod is ready and is not being stopped."""
    conditions = {c["type"]: c["status"] for c in pod["status"].get("conditions", ())}
    return conditions.get("Ready") == "True" and "deletionTimestamp" not in pod["metadata"]


def process_of(pod: Mapping[str, Any]) -> int:
    """The process id of the daemon of a pod, as its node sees it.

    Raises
    ------
    NotSeenError
        If there is none.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            mine = f"pod{pod['metadata']['uid']}" in (folder / "cgroup").read_text()
            if mine and b"coral" in (folder / "cmdline").read_bytes():
                return int(folder.name)
    raise NotSeenError(f"no process of {pod['metadata']['name']}")
