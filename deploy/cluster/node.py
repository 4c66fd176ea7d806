"""A node: containerd with runc, a network by CNI, a kubelet. Several of them share one machine."""

import hashlib
import io
import json
import tarfile
from collections.abc import Sequence
from pathlib import Path

from namespaces import ADDRESS, BRIDGE, NETWORK, SERVICES, Processes
from service_network import DOMAIN

PAUSE = "localhost/pause:1"

_CONTAINERD = """\
version = 2
root = "{home}/containerd"
state = "/run/{name}/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{home}/opt"
[plugins."io.containerd.grpc.v1.cri"]
  restrict_oom_score_adj = true
  disable_apparmor = true
  sandbox_image = "{pause}"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "/run/cni"
"""
_NETWORK = {
    "cniVersion": "0.4.0",
    "name": "coral",
    "plugins": [
        {
            "type": "bridge",
            "bridge": BRIDGE,
            "hairpinMode": True,
            "ipam": {
                "type": "host-local",
                "dataDir": "/run/cni-addresses",
                "ranges": [
                    [{"subnet": NETWORK, "rangeStart": "192.168.77.10", "gateway": ADDRESS}]
                ],
                "routes": [{"dst": SERVICES}],
            },
        },
    ],
}


class Containers:
    """containerd of one node.

    Parameters
    ----------
    home : Path
        Folder on a disk; is made.
    processes : Processes
    name : str
    """

    def __init__(self, home: Path, processes: Processes, name: str) -> None:
        home.mkdir()
        self.home, self.name, self._processes = home, name, processes
        self.socket = f"/run/{name}/containerd.sock"
        Path(f"/run/{name}").mkdir()
        Path("/run/cni").mkdir(exist_ok=True)
        Path("/run/cni/10-coral.conflist").write_text(json.dumps(_NETWORK))
        facts = {"home": home, "name": name, "socket": self.socket, "pause": PAUSE}
        (home / "containerd.toml").write_text(_CONTAINERD.format(**facts))

    def start(self) -> None:
        """Start it; return when it answers."""
        service = f"{self.name}-containerd"
        self._processes.start(service, "containerd", "--config", str(self.home / "containerd.toml"))
        self._processes.wait(service, lambda: Path(self.socket).exists())

    def ctr(self, *arguments: str) -> str:
        """Run a command of containerd's own client."""
        return self._processes.output("ctr", "--address", self.socket, "-n", "k8s.io", *arguments)

    def take(self, archives: Sequence[Path]) -> None:
        """Import images from archives."""
        for archive in archives:
            self.ctr("images", "import", str(archive))


def start_kubelet(containers: Containers, processes: Processes, access: Path, number: int) -> None:
    """Start the kubelet of a node; the API server tells when the node is ready.

    Parameters
    ----------
    containers : Containers
    processes : Processes
    access : Path
        Its kubeconfig.
    number : int
        Of the node, from 0: two kubelets on one address need ports of their own.
    """
    home, name = containers.home, containers.name
    for hierarchy in Path("/sys/fs/cgroup").iterdir():
        group = hierarchy / name
        group.mkdir()
        for setting in ("cpuset.cpus", "cpuset.mems"):
            if (group / setting).exists():
                (group / setting).write_text((hierarchy / setting).read_text())
    config = {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
        "authorization": {"mode": "AlwaysAllow"},
        "containerRuntimeEndpoint": f"unix://{containers.socket}",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{name}",
        "makeIPTablesUtilChains": False,
        "resolvConf": "",
        "clusterDNS": [ADDRESS],
        "clusterDomain": DOMAIN,
        "oomScoreAdj": 0,
        "podLogsDir": str(home / "pods"),  # a kubelet deletes what is not its own
        "port": 10250 + 100 * number,
        "healthzPort": 10248 + 100 * number,
        "nodeStatusUpdateFrequency": "4s",
        "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%"},
    }
    (home / "kubelet.json").write_text(json.dumps(config))
    processes.start(
        *(f"{name}-kubelet", "kubelet", f"--config={home / 'kubelet.json'}"),
        *(f"--kubeconfig={access}", f"--hostname-override={name}", f"--node-ip={ADDRESS}"),
        *(f"--root-dir={home / 'kubelet'}", f"--cert-dir={home / 'certificates'}"),
    )


def write_pause(program: Path, archive: Path) -> None:
    """Write the image of a pod's first process: one static program."""
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as files:
        files.add(program, "pause")
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Entrypoint": ["/pause"], "User": "65535:65535"},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [PAUSE], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as image:
        for name, content in (
            ("layer.tar", layer.getvalue()),
            ("config.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(manifest).encode()),
        ):
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            image.addfile(entry, io.BytesIO(content))
