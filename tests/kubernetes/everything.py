"""All that chart and overlays can make, before a real API server: accounts alone are kept."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from charts import CASES, CHART, Case
from lab import Facts, Lab
from release import NotSeenError

ROOT = Path(__file__).parents[2]
NAMESPACE = "coral-dry"

_RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
_OVERLAYS = ("dev", "prod")
_MISSPELT = ("podManagementPolicy", "podManagmentPolicy")


def accepted(lab: Lab) -> Facts:
    """Every rendering is taken, with all kinds of the operators known; a misspelt key is not."""
    for file in sorted((ROOT / "tests" / "crds").glob("*.yaml")):
        lab.release.kubectl("apply", "--server-side", "-f", str(file))
    lab.release.kubectl("wait", "crd", "--all", "--for=condition=Established", "--timeout=60s")
    lab.release.kubectl("create", "namespace", NAMESPACE)
    lab.release.kubectl("label", "namespace", NAMESPACE, _RESTRICTED)
    made = dict(_renderings(lab))
    kinds = [each["kind"] for name, text in made.items() for each in _taken(lab, name, text)]
    try:
        _taken(lab, "misspelt", made["least"].replace(*_MISSPELT))
    except RuntimeError as error:
        lab.release.note(str(error))
        if _MISSPELT[1] not in str(error):
            raise
    else:
        raise NotSeenError(f"{_MISSPELT[1]} was taken")
    return {"renderings": len(made), "objects": len(kinds), "kinds": len(set(kinds))}


def _renderings(lab: Lab) -> Iterator[tuple[str, str]]:
    """What the chart makes of every switch where the operators are, and the overlays."""
    there = ("--namespace", NAMESPACE, "--dry-run=server")  # it says which kinds it knows
    for name, case in CASES.items():
        words = ("helm", "template", case.release, str(CHART), "-f", "-", *there)
        yield name, _told(lab, _values(case), *words)
    for name in _OVERLAYS:
        folder = ROOT / "deploy" / "kustomize" / "overlays" / name
        yield name, _told(lab, "", "kubectl", "kustomize", str(folder))


def _values(case: Case) -> str:
    image = {"repository": "registry.example.com/coral"} | case.values.get("image", {})
    return json.dumps({**case.values, "config": case.config, "image": image})


def _taken(lab: Lab, name: str, text: str) -> list[dict[str, Any]]:
    """Let the API server take, strictly, what stands in a text, and keep nothing; return it."""
    objects = [made for made in yaml.safe_load_all(text) if made]
    for made in objects:
        if made["kind"] != "Namespace":  # other namespaces are not there
            made["metadata"]["namespace"] = NAMESPACE
    words = ("kubectl", "apply", "--server-side", "-f", "-")
    # Without its account no pod is taken, not even in a dry run.
    _told(lab, _stream([made for made in objects if made["kind"] == "ServiceAccount"]), *words)
    told = _told(lab, _stream(objects), *words, "--dry-run=server").splitlines()
    lab.release.note(f"{name}: {', '.join(line.split()[0] for line in told)}")
    if len(told) != len(objects):
        raise NotSeenError(f"{len(objects)} objects expected, {len(told)} taken")
    return objects


def _stream(objects: list[dict[str, Any]]) -> str:
    """One after the other: of a list kubectl itself would judge what the server should."""
    return "\n---\n".join(map(json.dumps, objects))


def _told(lab: Lab, stdin: str, *words: str) -> str:
    """Run helm or kubectl without a line in the log for each of what it prints."""
    done = subprocess.run(
        words,
        input=stdin,
        env=lab.release.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"`{' '.join(words)}`: {done.stderr[-2000:]}")
    return done.stdout
