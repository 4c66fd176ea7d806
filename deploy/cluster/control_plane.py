"""etcd, API server, controller manager and scheduler, as they are, on one address.

Who presents a token of `tokens.csv` is let in as its user: there is nobody else in this network.
"""

import json
import secrets
from pathlib import Path

from debian_programs import run
from namespaces import ADDRESS, SERVICES, Processes

SERVER = f"https://{ADDRESS}:6443"

_ETCD = "http://127.0.0.1:2379"
_ADMINISTRATOR = "administrator"


class ControlPlane:
    """A control plane in a folder.

    Parameters
    ----------
    home : Path
        Is made.
    processes : Processes
    nodes : sequence of str
        Names of the nodes that may join.
    """

    def __init__(self, home: Path, processes: Processes, nodes: tuple[str, ...]) -> None:
        home.mkdir()
        self._home, self._processes = home, processes
        self._tokens = {name: secrets.token_hex(16) for name in (_ADMINISTRATOR, *nodes)}
        lines = [f"{self._tokens[_ADMINISTRATOR]},{_ADMINISTRATOR},1,system:masters"]
        for i, name in enumerate(nodes, 2):
            lines.append(f"{self._tokens[name]},system:node:{name},{i},system:nodes")
        (home / "tokens.csv").write_text("\n".join(lines) + "\n")
        key = str(home / "accounts.key")
        run(["openssl", "genrsa", "-out", key, "2048"])
        run(["openssl", "rsa", "-in", key, "-pubout", "-out", str(home / "accounts.pub")])
        self.kubeconfig = self.access(_ADMINISTRATOR)
        processes.environment["KUBECONFIG"] = str(self.kubeconfig)

    def access(self, name: str) -> Path:
        """Return the file with which the administrator or a node reaches the API server."""
        file = self._home / f"{name}.conf"
        cluster = {"server": SERVER, "insecure-skip-tls-verify": True}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "this",
            "clusters": [{"name": "this", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": self._tokens[name]}}],
            "contexts": [{"name": "this", "context": {"cluster": "this", "user": name}}],
        }
        file.write_text(json.dumps(content))
        return file

    def start(self) -> None:
        """Start all four; return when the API server is ready."""
        home, start = self._home, self._processes.start
        start(
            *("etcd", "etcd", f"--data-dir={home / 'etcd'}", "--unsafe-no-fsync"),
            *(f"--listen-client-urls={_ETCD}", f"--advertise-client-urls={_ETCD}"),
        )
        start(
            *("kube-apiserver", "kube-apiserver", f"--etcd-servers={_ETCD}"),
            *(f"--bind-address={ADDRESS}", f"--advertise-address={ADDRESS}", "--secure-port=6443"),
            *(f"--cert-dir={home / 'apiserver'}", f"--service-cluster-ip-range={SERVICES}"),
            *("--authorization-mode=Node,RBAC", f"--token-auth-file={home / 'tokens.csv'}"),
            f"--service-account-key-file={home / 'accounts.pub'}",
            f"--service-account-signing-key-file={home / 'accounts.key'}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--kubelet-preferred-address-types=InternalIP",  # names are not resolved here
        )
        self._processes.wait("kube-apiserver", self._ready)
        alone = (
            f"--kubeconfig={self.kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
        )
        start(
            *("kube-controller-manager", "kube-controller-manager", *alone),
            f"--service-account-private-key-file={home / 'accounts.key'}",
            f"--root-ca-file={home / 'apiserver' / 'apiserver.crt'}",
        )
        start("kube-scheduler", "kube-scheduler", *alone)

    def _ready(self) -> bool:
        try:
            return self._processes.output("kubectl", "get", "--raw", "/readyz") == "ok"
        except RuntimeError:
            return False
