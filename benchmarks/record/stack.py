"""Starts and stops all processes of one shop."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import postgres
from asyncpg.exceptions import CannotConnectNowError
from topology import HOST, SERVICES, STORES, Ports

HERE = Path(__file__).resolve().parent
INSTALL = "apt-get install -y --no-install-recommends postgresql redis-server"
NICE = -10


def missing_programs() -> list[str]:
    """Return the names of needed programs that are not installed."""
    missing = [name for name in ("initdb", "postgres") if postgres.find_program(name) is None]
    return missing + [name for name in ("redis-server",) if shutil.which(name) is None]


def raise_priority(pid: int) -> None:
    """Let a process that leads a session (and its children) go before other work, if root may.

    Linux shares the CPU between sessions first and looks at niceness only inside each, so the
    niceness of the whole session is set as well, where the kernel knows it.
    """
    if os.geteuid() != 0:
        return
    os.setpriority(os.PRIO_PROCESS, pid, NICE)
    group = Path(f"/proc/{pid}/autogroup")
    if group.exists() and os.getsid(pid) == pid:
        group.write_text(str(NICE))


async def wait_for_port(port: int, process: subprocess.Popen[bytes], limit_s: float) -> None:
    """Wait until `process` listens on `port`.

    Raises
    ------
    RuntimeError
        If the process ends, or does not listen within `limit_s` seconds.
    """
    end = time.monotonic() + limit_s
    while time.monotonic() < end and process.poll() is None:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            await asyncio.sleep(0.1)
            continue
        writer.close()
        return
    raise RuntimeError(f"nothing listens on port {port}")


class Stack:
    """All processes of one shop, in one temporary directory.

    Parameters
    ----------
    ports
        Ports of the stack.
    seed
        Seed of all random choices of its processes.
    """

    def __init__(self, ports: Ports, seed: int) -> None:
        self.ports = ports
        self.seed = seed
        self.workdir = Path(tempfile.mkdtemp(prefix="record-shop-"))
        # The user who runs postgres must be able to reach its directory in here.
        self.workdir.chmod(0o755)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def pid(self, name: str) -> int | None:
        """Return the process id of `name`, or None when it does not run."""
        process = self.processes.get(name)
        return process.pid if process is not None and process.poll() is None else None

    def _spawn(self, name: str, command: list[str]) -> None:
        with (self.workdir / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command,
                cwd=self.workdir if name in STORES else HERE,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C must reach the recorder only; it then stops the rest in order.
                start_new_session=True,
            )
        raise_priority(self.processes[name].pid)

    def command(self, name: str) -> list[str]:
        """Return the command line of one part of the shop."""
        options = ["--base-port", str(self.ports.base), "--seed", str(self.seed)]
        if name == "postgres":
            return postgres.server_command(self.workdir / "pgdata", self.ports.direct(name))
        if name == "redis":
            command = ["redis-server", "--port", str(self.ports.direct(name)), "--bind", HOST]
            return [*command, "--save", "", "--appendonly", "no", "--dir", str(self.workdir)]
        if name in SERVICES:
            return [*self.service(name), *options, "--dir", str(self.workdir)]
        return [sys.executable, f"{name}.py", *options]

    def service(self, name: str) -> list[str]:
        """Return the program of a service, without its options; it runs in `HERE`."""
        return [sys.executable, "-m", f"services.{name}"]

    async def start_part(self, name: str) -> None:
        """Start one part of the shop and wait until it listens."""
        port = {"relay": self.ports.relay_control, "load": self.ports.load_control}.get(name, 0)
        self._spawn(name, self.command(name))
        port = port or self.ports.direct(name)
        try:
            await wait_for_port(port, self.processes[name], 20.0)
        except RuntimeError as error:
            log = (self.workdir / f"{name}.log").read_text(errors="replace")
            raise RuntimeError(f"{name} did not start: {error}\n{log[-2000:]}") from error

    async def start(self) -> None:
        """Start everything, stores first, the load last."""
        await asyncio.to_thread(postgres.create_cluster, self.workdir / "pgdata")
        await asyncio.gather(*(self.start_part(name) for name in ("postgres", "redis", "relay")))
        for attempt in range(50):
            try:
                await postgres.create_shop(self.ports.direct("postgres"))
                break
            except CannotConnectNowError:
                if attempt == 49:
                    raise
                await asyncio.sleep(0.2)
        await asyncio.gather(*(self.start_part(name) for name in SERVICES))
        await self.start_part("load")

    def stop(self) -> None:
        """Kill every process that is left and remove the directory; safe to call twice."""
        for name in ("load", *SERVICES, "relay", "redis", "postgres"):
            process = self.processes.pop(name, None)
            if process is None:
                continue
            # A stopped process must run again to be able to end; SIGQUIT ends postgres at once
            # together with its children, which a plain kill would orphan.
            last = signal.SIGQUIT if name == "postgres" else signal.SIGKILL
            for number in (signal.SIGCONT, last):
                if process.poll() is None:
                    process.send_signal(number)
            try:
                process.wait(10.0)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
        shutil.rmtree(self.workdir, ignore_errors=True)
