"""JSON Schema of an event, for readers in any language.

`coral/contract/incident.v1.json` is written by `python -m coral.contract.schema` and checked
against the types in the tests.
"""

from pathlib import Path
from typing import Any

import msgspec

from coral.contract.events import Event

__all__ = ["SCHEMA", "json_schema"]

SCHEMA = Path(__file__).parent / "incident.v1.json"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of an event."""
    schema = msgspec.json.schema(Event)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def main() -> None:
    """Write the schema into the package."""
    SCHEMA.write_bytes(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n")


if __name__ == "__main__":
    main()
