"""Write tests/crds: what operators define, from their modules: `python tools/kubernetes/crds.py`.

Needs go, java and mvn. Descriptions are left out, which is most of the text.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

HOME = Path(__file__).resolve().parents[2] / "tests" / "crds"
MODULES = {
    "github.com/kedacore/keda/v2@v2.21.0": (
        "config/crd/bases/keda.sh_scaledobjects.yaml",
        "config/crd/bases/keda.sh_triggerauthentications.yaml",
    ),
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": (
        "example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml",
        "example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml",
    ),
}
STRIMZI = "0.51.0"  # serves both versions of its API; later ones serve the second alone
GENERATOR = "0.45.0"  # the last that is published
CLASSES = {
    "kafkatopics": "io.strimzi.api.kafka.model.topic.KafkaTopic",
    "kafkausers": "io.strimzi.api.kafka.model.user.KafkaUser",
}
# What `@RequiredInVersions("v1+")` asks for in their classes; the generator is older than that.
REQUIRED_IN_V1: dict[str, dict[tuple[str, ...], str]] = {
    "kafkatopics": {(): "spec"},
    "kafkausers": {
        (): "spec",
        ("spec", "authorization", "acls"): "operations",
    },
}


def main() -> int:
    """Write them all."""
    HOME.mkdir(exist_ok=True)
    for module, files in MODULES.items():
        told = json.loads(_run("go", "mod", "download", "-json", module))
        for file in files:
            _write(Path(told["Dir"], file), Path(file).name, module)
    with tempfile.TemporaryDirectory() as made:
        _generate(Path(made))
        for name in CLASSES:
            file = f"kafka.strimzi.io_{name}.yaml"
            _require(Path(made, f"{name}.yaml"), REQUIRED_IN_V1[name])
            _write(Path(made, f"{name}.yaml"), file, f"io.strimzi:api:{STRIMZI}")
    return 0


def _generate(home: Path) -> None:
    """Let Strimzi's generator write its definitions into a folder."""
    pom = home / "pom.xml"
    dependencies = "".join(
        f"<dependency><groupId>io.strimzi</groupId><artifactId>{name}</artifactId>"
        f"<version>{version}</version></dependency>"
        for name, version in (("crd-generator", GENERATOR), ("api", STRIMZI))
    )
    pom.write_text(
        "<project><modelVersion>4.0.0</modelVersion><groupId>made</groupId>"
        "<artifactId>made</artifactId><version>1</version>"
        f"<dependencies>{dependencies}</dependencies></project>"
    )
    _run(
        "mvn",
        "-B",
        "-q",
        "-f",
        str(pom),
        "dependency:copy-dependencies",
        f"-DoutputDirectory={home}/jars",
    )
    _run(
        *("java", "-cp", f"{home}/jars/*", "io.strimzi.crdgenerator.CrdGenerator", "--yaml"),
        *("--api-versions", "v1beta2,v1", "--describe-api-versions", "v1beta2+"),
        *("--storage-version", "v1beta2"),
        *(f"{java}={home / name}.yaml" for name, java in CLASSES.items()),
    )


def _require(file: Path, keys: Mapping[tuple[str, ...], str]) -> None:
    """Add keys that v1 requires to a definition; an element of a list is meant by its list."""
    held = yaml.safe_load(file.read_text())
    (newest,) = [version for version in held["spec"]["versions"] if version["name"] == "v1"]
    for path, key in keys.items():
        part = newest["schema"]["openAPIV3Schema"]
        for name in path:
            part = part["properties"][name]
        part = part.get("items", part)
        part["required"] = [*part.get("required", ()), key]
    file.write_text(yaml.safe_dump(held, sort_keys=False))


def _write(source: Path, name: str, origin: str) -> None:
    held = yaml.safe_load(source.read_text())
    held["metadata"] = {"name": held["metadata"]["name"]}
    text = yaml.safe_dump(_bare(held), sort_keys=False, width=100)
    (HOME / name).write_text(f"# Of {origin}, Apache-2.0, without descriptions.\n{text}")


def _bare(held: Any) -> Any:
    """Return a definition without what it says in words; a property may be called `description`."""
    if isinstance(held, list):
        return [_bare(part) for part in held]
    if not isinstance(held, dict):
        return held
    return {
        key: {name: _bare(part) for name, part in value.items()}
        if key == "properties"
        else _bare(value)
        for key, value in held.items()
        if key not in ("description", "example") or not isinstance(value, str)
    }


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(command)}` failed:\n{done.stderr[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
