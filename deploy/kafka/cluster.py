"""A real Kafka of one or three nodes (KRaft, broker and controller in one process each)."""

import base64
import json
import os
import random
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

import artifacts

HOST = "127.0.0.1"
USER, PASSWORD = "coral", "coral-test"
READY = "Kafka Server started"
_PATIENCE_S = 60.0
_LISTENERS = ("PLAINTEXT", "CONTROLLER", "SASL_SSL")

_COMMON = """\
process.roles=broker,controller
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
num.network.threads=2
num.io.threads=2
offsets.topic.num.partitions=4
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
auto.create.topics.enable=false
message.max.bytes=1048588
# A compactor with Kafka's default buffer of 128 MB does not fit into this heap.
log.cleaner.dedupe.buffer.size=4194304
log.cleaner.backoff.ms=500
log.retention.check.interval.ms=1000
log.segment.delete.delay.ms=100
# Recorded incidents are years old; retention by time would delete them at once.
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
# Who logs in may do everything that no ACL of the same topic, group or name gives to others only.
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS
allow.everyone.if.no.acl.found=true
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
ssl.keystore.type=PKCS12
ssl.keystore.password=coral-test
ssl.key.password=coral-test
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512,OAUTHBEARER
listener.name.sasl_ssl.plain.sasl.jaas.config=\
org.apache.kafka.common.security.plain.PlainLoginModule required user_coral="coral-test";
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required \
unsecuredLoginStringClaim_sub="coral";
"""


class Cluster:
    """Nodes 1..n of one cluster, with their data, logs and process ids in a folder.

    Parameters
    ----------
    home : Path
        Made by `create`, removed by nobody: the log of a broker that failed is in there.

    Attributes
    ----------
    bootstrap : str
        ``host:port`` of every node, without encryption.
    secure_bootstrap : str
        The same with TLS and SASL: user `USER`, password `PASSWORD`, trust `ca`.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        facts = json.loads((home / "cluster.json").read_text())
        self._ports: list[list[int]] = facts["ports"]
        self._host: str = facts["host"]
        self.nodes = range(1, len(self._ports) + 1)
        self.bootstrap = ",".join(f"{self._host}:{ports[0]}" for ports in self._ports)
        self.secure_bootstrap = ",".join(f"{self._secure_host}:{ports[2]}" for ports in self._ports)
        self.ca = home / "ca.pem"

    @classmethod
    def create(
        cls, home: Path, nodes: int = 1, first_port: int | None = None, host: str = HOST
    ) -> "Cluster":
        """Write certificates and configuration of new nodes and format their storage.

        Ports are `first_port` and up, or free ones, at the address `host` of this machine.
        """
        home.mkdir(parents=True)
        count = len(_LISTENERS)
        ports = (
            [first_port + i for i in range(nodes * count)] if first_port else _free(nodes * count)
        )
        chunks = [ports[i * count : (i + 1) * count] for i in range(nodes)]
        _make_certificate(home, host)
        (home / "cluster.json").write_text(json.dumps({"ports": chunks, "host": host}))
        cluster = cls(home)
        # As Kafka's own: an id that began with a dash would be taken for an option.
        cluster_id = "-"
        while cluster_id.startswith("-"):
            cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        for node in cluster.nodes:
            cluster._configure(node)
            cluster._format(node, cluster_id)
        return cluster

    def start(self) -> None:
        """Start every node and return when all of them serve."""
        for node in self.nodes:
            self.launch(node)
        for node in self.nodes:
            self.wait(node)

    def launch(self, node: int) -> None:
        """Start the process of a node; `wait` tells when it serves."""
        command = [*_jvm(), "kafka.Kafka", str(self._file(node, "properties"))]
        log = os.open(self._file(node, "log"), os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o644)
        files = [(os.POSIX_SPAWN_DUP2, log, descriptor) for descriptor in (1, 2)]
        pid = os.posix_spawn(command[0], command, os.environ, file_actions=files, setsid=True)
        os.close(log)
        self._file(node, "pid").write_text(str(pid))

    def wait(self, node: int) -> None:
        """Return when a launched node serves.

        Raises
        ------
        RuntimeError
            With the end of its log, if it ended or took longer than a minute.
        """
        deadline = time.monotonic() + _PATIENCE_S
        log = self._file(node, "log")
        while READY not in log.read_text(errors="replace"):
            if time.monotonic() > deadline or not self.running(node):
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-20:])
                raise RuntimeError(f"Kafka node {node} did not start, see {log}:\n{tail}")
            time.sleep(0.1)

    def running(self, node: int) -> bool:
        """Return whether the process of a node is there."""
        pid = self._pid(node)
        if pid is None:
            return False
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == pid:
                return False
        except ChildProcessError:  # started by another process
            pass
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self, node: int) -> None:
        """End a node at once (SIGKILL), as a power cut does; return when it is gone."""
        self._signal(node, signal.SIGKILL)

    def stop(self) -> None:
        """End every node in good order; return when all are gone."""
        for node in self.nodes:
            pid = self._pid(node)
            if pid is not None and self.running(node):
                os.kill(pid, signal.SIGTERM)
        for node in self.nodes:
            self._signal(node, signal.SIGTERM)

    def _signal(self, node: int, number: int) -> None:
        pid = self._pid(node)
        if pid is None:
            return
        if self.running(node):
            os.kill(pid, number)
        deadline = time.monotonic() + _PATIENCE_S / 4
        while self.running(node):
            time.sleep(0.05)
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
        self._file(node, "pid").unlink()

    @property
    def _secure_host(self) -> str:
        """By which clients that check it know the certificate."""
        return "localhost" if self._host == HOST else self._host

    def _file(self, node: int, kind: str) -> Path:
        return self.home / f"node-{node}.{kind}"

    def _pid(self, node: int) -> int | None:
        file = self._file(node, "pid")
        return int(file.read_text()) if file.exists() else None

    def _configure(self, node: int) -> None:
        plain, controller, secure = self._ports[node - 1]
        plaintext = f"PLAINTEXT://{self._host}:{plain}"
        tls = f"SASL_SSL://{self._secure_host}:{secure}"
        copies = min(3, len(self.nodes))
        voters = ",".join(f"{n}@{self._host}:{self._ports[n - 1][1]}" for n in self.nodes)
        lines = [
            f"node.id={node}",
            f"controller.quorum.voters={voters}",
            f"listeners={plaintext},{tls},CONTROLLER://{self._host}:{controller}",
            f"advertised.listeners={plaintext},{tls}",
            f"log.dirs={self.home / f'node-{node}'}",
            f"ssl.keystore.location={self.home / 'broker.p12'}",
            f"min.insync.replicas={2 if copies > 1 else 1}",
        ]
        lines += [
            f"{name}={value}"
            for topic in ("offsets.topic", "transaction.state.log", "share.coordinator.state.topic")
            for name, value in (
                (f"{topic}.replication.factor", copies),
                (f"{topic}.min.isr", min(2, copies)),
            )
            if name != "offsets.topic.min.isr"  # there is no such setting
        ]
        lines.append(f"default.replication.factor={copies}")
        self._file(node, "properties").write_text(_COMMON + "\n".join(lines) + "\n")

    def _format(self, node: int, cluster_id: str) -> None:
        scram = f"SCRAM-SHA-512=[name={USER},password={PASSWORD}]"
        _check(
            [*_jvm(), "kafka.tools.StorageTool", "format", "--cluster-id", cluster_id]
            + ["--config", str(self._file(node, "properties")), "--add-scram", scram]
        )


def _jvm() -> list[str]:
    return [
        artifacts.java(),
        "-Xms256m",
        "-Xmx256m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
        "-cp",
        f"{artifacts.jars()}/*",
    ]


def _make_certificate(home: Path, host: str) -> None:
    """Write a key pair for the broker, and its certificate as what clients trust."""
    keytool = str(Path(artifacts.java()).resolve().with_name("keytool"))
    addresses = ",".join(f"ip:{one}" for one in sorted({HOST, host}))
    store = ["-keystore", str(home / "broker.p12"), "-storepass", PASSWORD, "-alias", "broker"]
    _check(
        [keytool, "-genkeypair", *store, "-storetype", "PKCS12", "-keyalg", "EC"]
        + ["-groupname", "secp256r1", "-validity", "3650", "-dname", "CN=localhost"]
        + ["-ext", f"san=dns:localhost,{addresses}", "-ext", "bc:c=ca:true"]
        + ["-ext", "ku:c=digitalSignature,keyCertSign"]
    )
    _check([keytool, "-exportcert", *store, "-rfc", "-file", str(home / "ca.pem")])


def _check(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


def _free(count: int) -> list[int]:
    """Return ports that nobody listens on, below those the system gives to outgoing connections."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.randrange(15_000, 32_000)
        with socket.socket() as probe:
            if port not in ports and probe.connect_ex((HOST, port)):
                ports.append(port)
    return ports
