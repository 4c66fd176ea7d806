"""Services and their names, as they are: kube-proxy and CoreDNS.

The nodes share one network, so that one of each is enough.
"""

import json
import socket
from contextlib import suppress
from pathlib import Path

from namespaces import ADDRESS, Processes

DOMAIN = "cluster.local"

_HEALTH = 10256
_NAMES = """\
{domain} {{
  bind {address}
  errors
  kubernetes {{
    kubeconfig {access} this
  }}
}}
"""


def start_services(home: Path, processes: Processes, access: Path, node: str) -> None:
    """Start both; return when they answer.

    Parameters
    ----------
    home : Path
        Is made.
    processes : Processes
    access : Path
        Kubeconfig, of the administrator.
    node : str
        One that has joined.
    """
    home.mkdir()
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": str(access)},
        "hostnameOverride": node,
        "mode": "nftables",
        # Pods are neighbours: answers would go to them by the shorter way, under another address.
        "nftables": {"masqueradeAll": True},
        "conntrack": {"maxPerCore": 0},  # that of the machine stays
        "healthzBindAddress": f"127.0.0.1:{_HEALTH}",
    }
    (home / "proxy.json").write_text(json.dumps(config))
    (home / "names").write_text(_NAMES.format(domain=DOMAIN, address=ADDRESS, access=access))
    processes.start("kube-proxy", "kube-proxy", f"--config={home / 'proxy.json'}")
    processes.start("coredns", "coredns", "-conf", str(home / "names"))
    processes.wait("kube-proxy", lambda: _answers("127.0.0.1", _HEALTH))
    processes.wait("coredns", lambda: _answers(ADDRESS, 53))


def _answers(address: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((address, port), 1.0):
        return True
    return False
