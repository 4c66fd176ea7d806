"""Objects against schemas: of three Kubernetes versions, and operators' own in `tests/crds`."""

import functools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml
from jsonschema import Draft202012Validator

KUBERNETES = ("1.31", "1.34", "1.37")
HOME = Path(__file__).with_name("crds")
# What every object may have besides what its definition says.
COMMON = {"apiVersion", "kind", "metadata"}


def misfits(made: dict[str, Any]) -> Iterator[str]:
    """Say what API servers would refuse, or drop as unknown.

    Raises
    ------
    KeyError
        If nothing defines the kind.
    """
    if is_foreign(made):
        for error in _validators()[made["apiVersion"], made["kind"]].iter_errors(made):
            yield f"{error.json_path}: {error.message}"
    else:
        text = json.dumps(made, sort_keys=True)
        yield from filter(None, (_misfit(text, version) for version in KUBERNETES))


def is_foreign(made: dict[str, Any]) -> bool:
    """Whether its kind is an operator's."""
    group = made["apiVersion"].partition("/")[0]
    return "." in group and not group.endswith(".k8s.io")


@functools.cache
def _misfit(made: str, version: str) -> str:
    """Say what the schema of a version has against an object; many renderings share it."""
    try:
        kubernetes_validate.validate(json.loads(made), version, strict=True)
    except kubernetes_validate.ValidationError as error:
        return f"{version}: {'.'.join(map(str, error.path))}: {error.message}"
    return ""


@functools.cache
def _validators() -> dict[tuple[str, str], Draft202012Validator]:
    """A validator for each kind and version that is defined."""
    found = {}
    for file in sorted(HOME.glob("*.yaml")):
        for held in yaml.safe_load_all(file.read_text()):
            group, kind = held["spec"]["group"], held["spec"]["names"]["kind"]
            for version in held["spec"]["versions"]:
                schema = version["schema"]["openAPIV3Schema"]
                for key in COMMON:
                    schema["properties"].setdefault(key, {})
                schema["properties"]["metadata"] = {"type": "object"}
                validator = Draft202012Validator(_strict(schema))
                found[f"{group}/{version['name']}", kind] = validator
    return found


def _strict(schema: Any, *, part: bool = False) -> Any:
    """A structural schema as JSON Schema in which no key is unknown.

    What stands inside of `anyOf` and its like is `part` of a schema that knows the other keys.
    """
    if isinstance(schema, list):
        return [_strict(held, part=part) for held in schema]
    if not isinstance(schema, dict):
        return schema
    made: dict[str, Any] = {}
    for key, held in schema.items():
        if key == "properties":
            made[key] = {name: _strict(inner, part=part) for name, inner in held.items()}
        elif key in ("items", "additionalProperties", "anyOf", "oneOf", "allOf", "not"):
            made[key] = _strict(held, part=part or key.endswith("Of") or key == "not")
        elif key != "format":
            made[key] = held
    if made.pop("x-kubernetes-int-or-string", False):
        made["type"] = ["integer", "string"]
    if made.pop("nullable", False) and isinstance(made.get("type"), str):
        made["type"] = [made["type"], "null"]
    takes_any = made.get("x-kubernetes-preserve-unknown-fields") or "additionalProperties" in made
    if "properties" in made and not takes_any and not part:
        made["additionalProperties"] = False
    return made
