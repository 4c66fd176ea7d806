"""What a platform engineer types, and what is seen then: the commands of the README."""

import io
import re
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout

from lab import Facts, Lab
from release import NotSeenError

from coral.cli.main import main as coral

PAGE = "http://localhost:8080"


def install(lab: Lab) -> Facts:
    """Nothing is there; helm installs, one pod gets ready, and `helm test` finds all as it should.

    Commands say no namespace: it is that of the context.
    """
    installed = lab.release.install(replicas=1)
    seconds = lab.release.ready_after(1)
    pods = lab.release.typed("kubectl", "get", "pods")
    (pod,) = lab.release.ready()
    (warm,) = lab.release.said(pod, "kernels_compiled")
    if warm["seconds"] > 15:
        raise NotSeenError(f"kernels were compiled at the start: {warm}")
    tests = lab.release.helm("test", lab.release.name, "--logs")
    phases = re.findall(r"^Phase:\s+(\w+)", tests, re.MULTILINE)
    if phases != ["Succeeded", "Succeeded"]:
        raise NotSeenError(f"topics and rights, and /readyz, expected to succeed, got {phases}")
    return {
        "ready_s": seconds,
        "kernels_s": warm["seconds"],
        "helm_test": True,
        "typed": [installed, pods],
    }


def look(lab: Lab) -> Facts:
    """The log names the incident that is open; through a forwarded port the page is there."""
    (pod,) = lab.release.ready()
    logs = lab.release.typed("kubectl", "logs", pod)
    with _forwarded(lab, "svc/coral", "8080:http") as forwarded:
        with urllib.request.urlopen(PAGE, timeout=30) as answer:
            page = answer.read().decode()
        told = io.StringIO()
        with redirect_stdout(told):
            code = coral(["status", PAGE])
    opened = lab.release.said(pod, "incident_opened")
    if "<title>CORAL</title>" not in page or code:
        raise NotSeenError(f"no page, or `coral status` ended with {code}: {page[:200]}")
    if not opened or opened[-1]["incident"] not in told.getvalue():
        raise NotSeenError(f"the log opened {opened}, `coral status` says {told.getvalue()}")
    status = {"command": f"coral status {PAGE}", "output": told.getvalue()}
    return {"page": True, "open": opened[-1]["incident"], "typed": [logs, forwarded, status]}


@contextmanager
def _forwarded(lab: Lab, what: str, ports: str) -> Iterator[dict[str, str]]:
    """Forward a port while the context lasts; yield what was typed and the first line of it."""
    words = ["kubectl", "port-forward", what, ports]
    environment = lab.release.environment
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            lab.release.note(f"$ {' '.join(words)}\n{line}")
            yield {"command": " ".join(words), "output": line}
        finally:
            process.terminate()
