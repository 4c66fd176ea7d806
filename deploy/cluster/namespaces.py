"""A machine within the machine: namespaces and control groups, gone with their first process.

Written for the hierarchies of cgroup v1. No route leads out of it.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from debian_programs import MissingProgramError, run, seeing

ADDRESS = "192.168.77.1"
NETWORK = "192.168.77.0/24"
SERVICES = "10.96.0.0/16"
BRIDGE = "node0"

_GROUPS = Path("/sys/fs/cgroup")
_ALL = ("--cgroup", "--net", "--pid", "--fork", "--uts", "--ipc", "--kill-child")
# A group counts as one process, of 1024, beside the others of the machine; this one is dozens.
_SHARES = 4096
# What a kubelet would set for the whole machine; it finds them as it wants.
_SYSCTLS = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}


def run_inside(programs: Path, home: Path, command: Sequence[str]) -> int:
    """Run a command as the first process of new namespaces; return its exit code.

    Whatever it started ends with it, and its control groups are removed.

    Parameters
    ----------
    programs : Path
        From `unpacked`.
    home : Path
        Folder on a disk.
    command : sequence of str

    Raises
    ------
    MissingProgramError
        If there are no rights to, or no control groups of version 1.
    """
    if os.geteuid():
        raise MissingProgramError("root is needed: namespaces, mounts and control groups are made")
    with _groups() as join:
        # Ends with this process, however that ends.
        words = ["setpriv", "--pdeathsig", "KILL", *seeing(programs, home / "seen", command, *_ALL)]
        return subprocess.run(words, preexec_fn=join, check=False).returncode


@contextmanager
def _groups() -> Iterator[Callable[[], None]]:
    """Yield what puts a process into groups of their own, one in each hierarchy."""
    folders = [_GROUPS / folder / path.lstrip("/") for folder, _, path in _hierarchies()]
    if not folders:
        raise MissingProgramError("control groups of version 1 are needed, this machine has none")
    own = [folder / f"coral-cluster-{os.getpid()}" for folder in folders]
    for group in own:
        group.mkdir()
        for name in ("cpuset.cpus", "cpuset.mems"):  # a new group of cpusets has none
            if (group / name).exists():
                (group / name).write_text((group.parent / name).read_text())
        if (group / "cpu.shares").exists():
            (group / "cpu.shares").write_text(str(_SHARES))

    def join() -> None:
        for group in own:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        yield join
    finally:
        for group in own:
            _remove(group)


def _remove(group: Path) -> None:
    """Remove a group with all below it; processes that were just killed are waited for."""
    for folder, _, _ in sorted(os.walk(group), reverse=True):
        deadline = time.monotonic() + 10
        while Path(folder).exists() and time.monotonic() < deadline:
            with suppress(OSError):
                Path(folder).rmdir()
                break
            time.sleep(0.1)


def _hierarchies() -> Iterator[tuple[str, str, str]]:
    """Yield folder, mount option and own group of each hierarchy."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers:
            named = controllers.startswith("name=")
            yield (
                controllers.removeprefix("name="),
                f"none,{controllers}" if named else controllers,
                path,
            )


def arrange(home: Path) -> None:
    """Inside: mount what belongs to the new namespaces, and make the network of the nodes.

    Parameters
    ----------
    home : Path
        Folder on a disk.
    """
    run(["mount", "-t", "proc", "proc", "/proc"])
    run(["mount", "-t", "tmpfs", "tmpfs", "/run"])
    run(["mount", "-t", "sysfs", "sysfs", "/sys"])
    run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", str(_GROUPS)])
    for folder, option, _ in _hierarchies():
        (_GROUPS / folder).mkdir()
        run(["mount", "-t", "cgroup", "-o", option, "cgroup", str(_GROUPS / folder)])
    (home / "sysctl").mkdir()
    for name, value in _SYSCTLS.items():
        file = home / "sysctl" / name.replace("/", "-")
        file.write_text(f"{value}\n")
        run(["mount", "--bind", str(file), f"/proc/sys/{name}"])
    Path("/etc/resolv.conf").unlink(missing_ok=True)  # on the overlay: nobody answers here
    Path("/etc/resolv.conf").write_text("")
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")
    run(["ip", "link", "set", "lo", "up"])
    run(["ip", "link", "add", BRIDGE, "type", "bridge"])
    run(["ip", "address", "add", f"{ADDRESS}/24", "dev", BRIDGE])
    run(["ip", "link", "set", BRIDGE, "up"])


class Processes:
    """Programs of this machine, each with a log of its own.

    Parameters
    ----------
    logs : Path
        Folder; is made.
    path : sequence of Path
        Where programs are looked for first.
    """

    def __init__(self, logs: Path, path: Sequence[Path]) -> None:
        logs.mkdir(parents=True)
        self.logs = logs
        self.environment = os.environ | {
            "PATH": ":".join([*map(str, path), os.environ["PATH"], "/usr/sbin", "/sbin"]),
            "HOME": str(logs.parent),
        }
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> None:
        """Start a program under a name."""
        with (self.logs / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment
            )

    def wait(self, name: str, ready: Callable[[], bool], patience_s: float = 90.0) -> None:
        """Return when a started program is ready.

        Raises
        ------
        RuntimeError
            With the end of its log, if it has ended or takes too long.
        """
        deadline = time.monotonic() + patience_s
        while not ready():
            if self._running[name].poll() is not None or time.monotonic() > deadline:
                tail = (self.logs / f"{name}.log").read_text(errors="replace").splitlines()[-15:]
                raise RuntimeError("\n".join([f"{name} did not get ready:", *tail]))
            time.sleep(0.1)

    def output(self, *command: str, stdin: str | None = None, patience_s: float = 300.0) -> str:
        """Run a program to its end; return what it printed.

        Raises
        ------
        RuntimeError
            With what it said, if it failed.
        """
        done = subprocess.run(
            command,
            input=stdin,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=patience_s,
        )
        if done.returncode:
            sys.stdout.flush()
            raise RuntimeError(f"`{' '.join(command)}`: {done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout
