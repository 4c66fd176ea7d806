"""The restricted Pod Security Standard, and what a pod of ours keeps besides.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from collections.abc import Iterator
from typing import Any

VOLUMES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}
SYSCTLS = {
    "kernel.shm_rmid_forced",
    "net.ipv4.ip_local_port_range",
    "net.ipv4.ip_local_reserved_ports",
    "net.ipv4.ip_unprivileged_port_start",
    "net.ipv4.ping_group_range",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_wmem",
}
SELINUX = {"", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"}
PROFILES = {"RuntimeDefault", "Localhost"}


def unrestricted(pod: dict[str, Any]) -> Iterator[str]:
    """Say which rules of the standard the specification of a pod breaks."""
    held = pod.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.get(key):
            yield key
    for volume in pod.get("volumes", []):
        if set(volume) - {"name"} - VOLUMES:
            yield f"volume {volume['name']}"
    for sysctl in held.get("sysctls", []):
        if sysctl["name"] not in SYSCTLS:
            yield f"sysctl {sysctl['name']}"
    for kind in ("containers", "initContainers", "ephemeralContainers"):
        for container in pod.get(kind, []):
            for rule in _unrestricted(container, held):
                yield f"{container['name']}: {rule}"


def _unrestricted(container: dict[str, Any], pod: dict[str, Any]) -> Iterator[str]:
    own = container.get("securityContext", {})
    held = {**pod, **own}  # what a container says itself holds for it
    capabilities = own.get("capabilities", {})
    if own.get("privileged"):
        yield "privileged"
    if own.get("allowPrivilegeEscalation") is not False:
        yield "allowPrivilegeEscalation"
    if "ALL" not in capabilities.get("drop", []):
        yield "capabilities.drop"
    if set(capabilities.get("add", [])) - {"NET_BIND_SERVICE"}:
        yield "capabilities.add"
    if held.get("runAsNonRoot") is not True:
        yield "runAsNonRoot"
    if 0 in (pod.get("runAsUser"), own.get("runAsUser")):
        yield "runAsUser"
    if held.get("seccompProfile", {}).get("type") not in PROFILES:
        yield "seccompProfile"
    if held.get("appArmorProfile", {"type": "RuntimeDefault"}).get("type") not in PROFILES:
        yield "appArmorProfile"
    selinux = held.get("seLinuxOptions", {})
    if selinux.get("type", "") not in SELINUX or selinux.get("user") or selinux.get("role"):
        yield "seLinuxOptions"
    if own.get("procMount", "Default") != "Default":
        yield "procMount"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"


def careless(pod: dict[str, Any]) -> Iterator[str]:
    """Say what the standard leaves open and ours keep: nothing to write to, no token, a limit."""
    if pod.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken"
    if pod.get("enableServiceLinks") is not False:
        yield "enableServiceLinks"
    for container in pod["containers"]:
        if container["securityContext"].get("readOnlyRootFilesystem") is not True:
            yield "readOnlyRootFilesystem"
        if {"memory"} - set(container["resources"].get("limits", {})):
            yield "resources.limits.memory"
        if {"cpu", "memory"} - set(container["resources"].get("requests", {})):
            yield "resources.requests"
        if any("secretKeyRef" in each.get("valueFrom", {}) for each in container.get("env", [])):
            yield "a secret in a variable"
