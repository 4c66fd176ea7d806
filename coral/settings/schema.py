"""JSON Schema of the configuration file, for editors.

`coral/settings/config.v1.json` is written by `python -m coral.settings.schema`.
"""

from pathlib import Path
from typing import Any

import msgspec

from coral.config import HealthSignal
from coral.settings import kinds
from coral.settings.base import Secret
from coral.settings.outbound import Alertmanager, Webhook
from coral.settings.sections import Settings, Topic

SCHEMA = Path(__file__).parent / "config.v1.json"


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the file; every secret may also be named by its file."""
    schema = msgspec.json.schema(Settings, schema_hook=_secret)
    held = (kinds.item(kind) or kind for kind in kinds.fields(Settings).values())
    for section in (Settings, Topic, HealthSignal, Alertmanager, Webhook, *held):
        described = schema["$defs"][section.__name__]
        described["description"], told = kinds.described(section)
        for key, kind in kinds.fields(section).items():
            described["properties"][key] |= {"description": told[key]} if key in told else {}
            if kinds.is_secret(kind):
                file = {"type": "string", "description": f"File that holds `{key}`."}
                described["properties"][key + kinds.FILE_KEY] = file
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _secret(kind: type) -> dict[str, Any]:
    if kind is Secret:
        return {"type": "string", "format": "password", "writeOnly": True}
    raise NotImplementedError(kind)


def main() -> None:
    """Write the schema into the package."""
    SCHEMA.write_bytes(msgspec.json.format(msgspec.json.encode(json_schema()), indent=2) + b"\n")


if __name__ == "__main__":
    main()
