"""What cannot start says why, and what to do: in its status, and in the last line of its log."""

from contextlib import suppress

from kafka.admin import ResourceType
from lab import Facts, Lab
from release import NotSeenError, Release, is_ready


def wrong_password(lab: Lab) -> Facts:
    """A wrong password ends the start with what to do; with the right one it gets ready, by TLS."""
    lab.broker.make("quiet.v1")  # what others read is published by them alone
    topics = {"topics": {"quiet.v1": {"format": "native"}}}
    other = lab.other("coral-locked", {"kafka": _secure(lab), "input": topics})
    _secret(other, "coral-locked", "wrong")
    facts = _refused(other, "check mechanism, user name and password")
    _secret(other, "coral-locked", "coral-test")
    for pod in other.pods():
        other.kubectl("delete", "pod", pod["metadata"]["name"])
    other.all_ready(1)
    other.helm("uninstall", other.name, "--wait")
    return facts | {"then_ready": True}


def missing_topic(lab: Lab) -> Facts:
    """A topic that does not exist ends the start with its name."""
    other = lab.other("coral-absent", {"input": {"topics": {"absent.v1": {"format": "native"}}}})
    facts = _refused(other, "there is no topic absent.v1; create it")
    other.helm("uninstall", other.name, "--wait")
    return facts


def denied_right(lab: Lab) -> Facts:
    """A right that is missing ends the start with its name and that of the topic."""

    lab.broker.make("guarded.v1")
    lab.broker.allow(ResourceType.TOPIC, "guarded.v1", "READ", user="somebody-else")
    sections = {"kafka": _secure(lab), "input": {"topics": {"guarded.v1": {"format": "native"}}}}
    other = lab.other("coral-denied", sections)
    _secret(other, "coral-denied", "coral-test")
    facts = _refused(other, "Grant it DESCRIBE and READ")
    other.helm("uninstall", other.name, "--wait")
    return facts


def _secure(lab: Lab) -> Facts:
    return {
        "bootstrap_servers": lab.kafka.secure_bootstrap.split(","),
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_username": "coral",
    }


def _secret(other: Release, name: str, password: str) -> None:
    """Put a password and the certificate of the brokers into a Secret, in place of the last."""
    with suppress(RuntimeError):
        other.kubectl("delete", "secret", name, quiet=True)
    other.kubectl(
        *("create", "secret", "generic", name, f"--from-literal=password={password}"),
        f"--from-file=ca.crt={other.certificate}",
        quiet=True,
    )


def _refused(other: Release, advice: str) -> Facts:
    """Install what cannot start; return what its status and the last line of its log say.

    `advice` must stand in that line.
    """
    secrets = {}
    if "security_protocol" in other.config["kafka"]:
        secrets = {
            "kafka.sasl_password": {"name": other.name, "key": "password"},
            "kafka.tls_ca_file": {"name": other.name, "key": "ca.crt"},
        }
    other.apply(wait=False, replicas=1, secrets=secrets)

    def ended() -> Facts:
        for pod in other.pods():
            for status in pod["status"].get("containerStatuses", ()):
                told = status["lastState"].get("terminated")
                if told and "waiting" in status["state"]:
                    waits = status["state"]["waiting"]["reason"]
                    return {"status": waits, "exit_code": told["exitCode"], "ready": is_ready(pod)}
        return {}

    facts: Facts = other.until("an end of the start", ended)
    (pod,) = other.pods()
    last = other.log(pod["metadata"]["name"], "--previous")[-1]
    other.kubectl("get", "pods", "-l", f"app.kubernetes.io/instance={other.name}")
    other.kubectl("logs", pod["metadata"]["name"], "--previous", "--tail=1")
    facts |= {"last_line": {key: last.get(key) for key in ("level", "event", "reason")}}
    if facts["exit_code"] != 3 or facts["ready"] or last.get("event") != "cannot_start":
        raise NotSeenError(f"exit code 3 and cannot_start expected, got {facts}")
    if advice not in last["reason"]:
        raise NotSeenError(f"{advice!r} expected, got {last['reason']!r}")
    return facts
