"""Names that people know, out of the labels that machines write."""

import re
from collections.abc import Callable, Mapping
from typing import Final

# What Kubernetes makes names of: no vowels, so that no word comes out.
_RANDOM = "[bcdfghjklmnpqrstvwxz2456789]"
_GENERATED = re.compile(
    rf"-{_RANDOM}{{6,10}}-{_RANDOM}{{5}}"  # of a ReplicaSet
    rf"|-\d{{8,}}-{_RANDOM}{{5}}"  # of a CronJob
    rf"|-{_RANDOM}{{5}}"  # of a DaemonSet, a Job
    r"|[-_]\d{1,4}"  # of a StatefulSet, of Compose
    r"|\.\d{1,4}\.[a-z0-9]{25}"  # of Swarm
)
_PORT = re.compile(r":\d{1,5}")
_LOOPBACK = re.compile(r"localhost|127(?:\.\d{1,3}){3}|\[?::1\]?")
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*")
_CLUSTER = re.compile(r"\.svc(?:\.|$)|\.local$")
_STATUS = re.compile(r"[1-5]\d\d")


def workload(pod: str) -> str:
    """Return what a pod or container belongs to: its name without the generated end.

    Examples
    --------
    >>> [workload(pod) for pod in ("cart-7d9f5c6b8-x2lqv", "db-0", "shop_cart_1", "gateway")]
    ['cart', 'db', 'shop_cart', 'gateway']
    """
    for at in (i for i, letter in enumerate(pod) if i and letter in "-_."):
        if _GENERATED.fullmatch(pod, at):
            return pod[:at]
    return pod


def host(instance: str) -> str:
    """Return the host of an address; of one on this machine the port tells more.

    Examples
    --------
    >>> [host(at) for at in ("10.0.0.5:9100", "web1", "127.0.0.1:9104", "https://shop.example/x")]
    ['10.0.0.5', 'web1', 'localhost-9104', 'shop.example/x']
    """
    if "://" in instance:
        return instance.partition("://")[2].rstrip("/")
    name, colon, port = instance.rpartition(":")
    if not colon or not _PORT.fullmatch(colon + port):
        return instance
    return f"localhost-{port}" if _LOOPBACK.fullmatch(name) else name.strip("[]")


def service(address: str) -> str:
    """Return the service that an address is of: its name in a cluster, its host elsewhere.

    What is no name, an IP address or this machine, is of none.

    Examples
    --------
    >>> [service(at) for at in ("cart.shop.svc.cluster.local:80", "api.example.com", "10.0.0.5")]
    ['cart', 'api.example.com', '']
    """
    name = host(address)
    if _ADDRESS.fullmatch(name) or name.startswith("localhost"):
        return ""
    return name.partition(".")[0] if _CLUSTER.search(name) else name


def known(value: str) -> str:
    """Return nothing for what a mesh calls unknown, else the value itself."""
    return "" if value == "unknown" else value


def status_class(code: str) -> str:
    """Return ``5xx`` for 503; what is no status code stays as it is."""
    return f"{code[0]}xx" if _STATUS.fullmatch(code) else code


FUNCTIONS: Final[Mapping[str, Callable[[str], str]]] = {
    "workload": workload,
    "host": host,
    "service": service,
    "known": known,
}
"""What may stand behind a label in a template: ``{pod|workload}``."""
