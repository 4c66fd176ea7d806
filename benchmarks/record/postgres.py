"""A private postgres cluster in a temporary directory."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from pathlib import Path

import asyncpg
from topology import DATABASE, HOST

_SCHEMA = """
CREATE TABLE items (
    id int PRIMARY KEY, category int NOT NULL, name text NOT NULL, cents int NOT NULL,
    popularity int NOT NULL
);
INSERT INTO items
    SELECT i, i % 40, 'item ' || md5(i::text), 100 + (i * 37) % 9000, (i * 7919) % 10007
    FROM generate_series(1, 20000) AS i;
CREATE TABLE orders (
    id bigserial PRIMARY KEY, customer int NOT NULL, cents int NOT NULL, receipt text NOT NULL,
    created timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON orders (customer);
CREATE TABLE order_lines (order_id bigint NOT NULL, item int NOT NULL, cents int NOT NULL);
ANALYZE;
"""


def find_program(name: str) -> str | None:
    """Return the path of a postgres program, or None; Debian keeps them off the PATH."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    return str(versions[-1]) if versions else shutil.which(name)


def unprivileged() -> list[str]:
    """Return the command prefix that gives up root, which postgres refuses to run as."""
    if os.geteuid() != 0:
        return []
    for user in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(user)
        except KeyError:
            continue
        return [
            "setpriv",
            f"--reuid={entry.pw_uid}",
            f"--regid={entry.pw_gid}",
            "--clear-groups",
        ]
    raise RuntimeError("no user postgres or nobody to run postgres as")


def create_cluster(data: Path) -> None:
    """Create an empty cluster in `data`, owned by the user who will run it."""
    data.mkdir(mode=0o700)
    prefix = unprivileged()
    if prefix:
        uid, gid = (int(word.split("=")[1]) for word in prefix[1:3])
        os.chown(data, uid, gid)
    program = find_program("initdb")
    assert program is not None
    command = [*prefix, program, "-D", str(data), "-U", DATABASE, "-A", "trust", "-E", "UTF8"]
    subprocess.run([*command, "--locale=C"], cwd=data, check=True, capture_output=True, text=True)


def server_command(data: Path, port: int) -> list[str]:
    """Return the command that runs the cluster in the foreground, on loopback only."""
    program = find_program("postgres")
    assert program is not None
    settings = {
        "port": port,
        "listen_addresses": HOST,
        "unix_socket_directories": "",
        "shared_buffers": "64MB",
        "max_connections": 50,
        "logging_collector": "off",
    }
    command = [*unprivileged(), program, "-D", str(data)]
    for key, value in settings.items():
        command += ["-c", f"{key}={value}"]
    return command


async def connect(port: int, database: str = DATABASE) -> asyncpg.Connection:
    """Connect to the cluster, giving up after five seconds."""
    return await asyncpg.connect(
        host=HOST, port=port, user=DATABASE, database=database, ssl=False, timeout=5.0
    )


async def create_shop(port: int) -> None:
    """Create the database of the shop and fill it."""
    connection = await connect(port, "postgres")
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()
    connection = await connect(port)
    await connection.execute(_SCHEMA)
    await connection.close()
