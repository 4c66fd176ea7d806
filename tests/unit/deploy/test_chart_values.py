"""Values of the Helm chart: each is tried, known to the schema, and described."""

import json
import re
import textwrap
from collections.abc import Mapping
from typing import Any

import helm_values
import pytest
import yaml
from charts import CASES, CHART, ROOT, TOKEN, Case, rendered
from regions import replace_region

HOWTO = textwrap.dedent((ROOT / "docs" / "howto" / "kubernetes.md").read_text())


def leaves(tree: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    """Every key of the values that holds no further keys."""
    return [
        leaf
        for key, value in tree.items()
        for leaf in (
            leaves(value, (*path, key)) if value and isinstance(value, dict) else [(*path, key)]
        )
    ]


VALUES = yaml.safe_load((CHART / "values.yaml").read_text())


def test_every_value_is_set_in_a_case() -> None:
    """So that all that is said above is said of every switch."""
    # What a rendering without them shows.
    always = {
        ("config",),
        ("image", "repository"),
        ("resources", "limits"),
        ("resources", "requests"),
    }
    keys = {leaf[:2] for leaf in leaves(VALUES)}
    used = {
        leaf[: len(key)]
        for case in CASES.values()
        for leaf in leaves(case.values)
        for key in keys
        if leaf[: len(key)] == key
    }
    assert set() == keys - used - always


def test_the_schema_knows_every_value() -> None:
    """And no other."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = {
        (name, *([] if inner is None else [inner]))
        for name, held in schema["properties"].items()
        for inner in held.get("properties", {None: 0})
    }
    there = {leaf[:2] for leaf in leaves(VALUES)}
    assert {("global",), ("resources", "claims")} == known - there
    assert set() == there - known


def test_the_reference_is_made_of_the_values() -> None:
    """Else `make docs`; every value has a comment that says what it is for."""
    page = helm_values.PAGE.read_text()
    assert replace_region(page, "values", helm_values.table()) == page
    told = set(re.findall(r"^\| `([\w.]+)` \|", helm_values.table(), re.MULTILINE))
    there = {".".join(leaf[:2]) for leaf in leaves(VALUES)}
    assert there == {name for name in told if name != "resources"} | {
        name for name in there if name.startswith("resources.")
    }


@pytest.mark.parametrize(
    "values",
    re.findall(r"```yaml\n(.*?)```", HOWTO, re.DOTALL),
    ids=lambda text: text.split("\n")[0],
)
def test_values_of_the_guide_are_taken(values: str) -> None:
    """Every block of them, over the least there is."""
    secured = {"secrets": TOKEN} if "ingress" in values else {}
    assert rendered(Case(values={**secured, **yaml.safe_load(values)}))
