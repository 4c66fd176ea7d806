"""Tables of docs/evaluation/kubernetes.md, and a block of the README, from `deploy/results/`."""

import json
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

WIDTH = 110  # of a line in a block
REFUSED = "`{status}`, exit code {exit_code}, not ready; the last line: *{reason}*"
SEEN = {
    "install by helm": "ready after {ready_s} s, of it {kernels_s} s for the kernels; `helm test` "
    "of topics and rights, and of `/readyz` by the name of the Service, succeeds",
    "a recorded incident": "{events} events, the bytes of `coral replay`",
    "a look at it": "the incident in `kubectl logs`, and through `kubectl port-forward` the page "
    "and `coral status`",
    "kill -9": "started again, ready after {ready_again_s} s",
    "scale 1, 3, 2": "three replicas with a partition each, then two with {shared}",
    "rolling upgrade": "{upgrade_s} s; pods ready at the least: {fewest_ready}",
    "rollback": "{rollback_s} s; pods ready at the least: {fewest_ready}",
    "pod deleted at once": "ready again after {ready_again_s} s",
    "node drained": "its pods ({pods_on_it}) evicted, all ready elsewhere after {drain_s} s; pods "
    "ready at the least: {fewest_ready}",
    "eviction refused": "*{refused_with}*",
    "broker away": "for {away_s} s: `/healthz` says 200, no probe ends a pod; members that the "
    "group had put out, and that started again: {put_out}",
    "all it can make": "{objects} objects of {renderings} renderings, every switch and overlay and "
    "{kinds} kinds, are taken in a dry run; one with a misspelt key is not",
    "state in a volume": "another pod has the claim of the one before it after {ready_again_s} s, "
    "and its state; {events} events, the bytes of `coral replay`",
    "wrong password": REFUSED + "; with the right one ready, by TLS",
    "missing topic": REFUSED,
    "denied right": REFUSED,
    "out of memory": "`{reason}` at a limit of 128 MiB, {others_ready} other stays ready; with the "
    "old limit ready again",
}


def contents(result: Mapping[str, Any]) -> str:
    """Tell what takes how much of the image, and what each trim gave."""
    held = result["contents"]
    lines = ["| in the image | MB |", "|---|--:|", *_sizes(held["parts"])]
    lines += [f"| **all of it, unpacked** | **{held['bytes'] / 1e6:.0f}** |"]
    lines += ["", "| left out | MB |", "|---|--:|", *_sizes(held["left_out"])]
    return "\n".join(lines)


def _sizes(parts: Mapping[str, int]) -> list[str]:
    """Return a row for each part of 1 MB or more, and one for the rest."""
    big = {name: size for name, size in parts.items() if size >= 1e6}
    rest = sum(parts.values()) - sum(big.values())
    rows = [f"| {name} | {size / 1e6:.1f} |" for name, size in big.items()]
    return [*rows, f"| {len(parts) - len(big)} more | {rest / 1e6:.1f} |"] if rest else rows


def check(result: Mapping[str, Any]) -> str:
    """Tell what the image did as a node of Kubernetes would run it."""
    seen, facts, old = result["check"], result["machine"], result["check"]["older_cpu"]
    kernels, there = seen["kernels"], old["kernels"]
    rights = ", ".join(f"{name} {value}" for name, value in seen["rights"].items())
    same = "the bytes of `coral replay`" if seen["recorded_same_bytes"] else "other bytes"
    rows = {
        "from the start until `/readyz` says 200": f"{seen['ready_s']} s",
        "of it for the kernels": f"{seen['kernels_s']} s",
        "kernels loaded, compiled": f"{kernels['loaded']}, {kernels['compiled']}",
        "memory at most, of 512 MiB; at the end": f"{seen['peak_mb']}; {seen['memory_mb']} MiB",
        "a recorded incident": f"{seen['recorded_events']} events, {same}",
        "a hundred systems of 50 series, an incident in each": f"{seen['hundred_s']} s after "
        "their last row was sent",
        "what the kernel says of it": rights,
        "a write to the root": "refused" if seen["write_refused"] else "not refused",
        "shells, pip, compilers, tests in it": ", ".join(seen["unwanted"]) or "none",
        f"on a {old['cpu']}, played by qemu": f"{there['loaded']} kernels loaded, "
        f"{there['compiled']} compiled; {old['same_bytes']} of {old['events']} events of a "
        "recorded incident with the same bytes",
    }
    lines = ["| as a node of Kubernetes runs it | |", "|---|---|"]
    lines += [f"| {what} | {seen_of} |" for what, seen_of in rows.items()]
    told = (
        f"{facts['cpu']}, {facts['cores']} cores, {facts['system']}, load average "
        f"{facts['load_average']} at the end; commit {result['commit']}."
    )
    return "\n".join([*lines, "", told])


def cluster(result: Mapping[str, Any]) -> str:
    """Tell what was done to CORAL in a cluster, what was seen, and whether events are right."""
    held, facts = result["verdict"], result["machine"]
    lines = ["| done | seen | s |", "|---|---|--:|"]
    for case in result["cases"]:
        shared = " and ".join(map(str, case.get("owned_at_the_end", ())))
        known = case | {"reason": case.get("last_line", case).get("reason", ""), "shared": shared}
        seen = SEEN[case["case"]].format(**known) if case["ok"] else f"**failed**: {case['failed']}"
        lines.append(f"| {case['case']} | {seen} | {case['seconds']:.0f} |")
    told = (
        f"Of {held['expected']:,} events expected over all of it {held['published']:,} were "
        f"published: **lost {held['lost']}, twice {held['twice']}, with two contents "
        f"{held['two_contents']}**, unexpected {held['unexpected']}."
    )
    made = (
        f"Kubernetes {result['kubernetes']}, containerd {result['containerd']}, Helm "
        f"{result['helm']}; up after {result['cluster_up_s']:.0f} s. {facts['cpu']}, "
        f"{facts['cores']} cores, load average {facts['load_average']} at the end; commit "
        f"{result['commit']}."
    )
    return "\n".join([*lines, "", told, "", made])


def typed(result: Mapping[str, Any]) -> str:
    """Show the commands of who installs it and looks at it, with what the cluster answered."""
    lines = ["```console"]
    for each in (each for case in result["cases"] for each in case.get("typed", ())):
        lines += [f"$ {each['command']}", *_shown(each["command"], each["output"])]
    return "\n".join([*lines, "```"])


def _shown(command: str, output: str) -> Iterator[str]:
    """Yield what matters of an output; what is left out is `...`."""
    lines = [line for line in output.splitlines() if line]
    if command.startswith("helm install"):
        yield from (line for line in lines if line.startswith(("STATUS", "DESCRIPTION")))
    elif command.startswith("kubectl logs"):
        opened = [line for line in lines if json.loads(line)["event"] == "incident_opened"]
        yield from ("...", *textwrap.wrap(opened[-1], WIDTH, break_on_hyphens=False), "...")
    else:
        for line in lines:
            yield from textwrap.wrap(line, WIDTH)
