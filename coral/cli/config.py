"""`coral config`: check or show the configuration of the daemon."""

import os
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from coral.cli.options import Overrides
from coral.errors import Exit

__all__ = ["config"]

config = App(
    "config",
    help="""Check or show the configuration of the daemon.

    For example:
      coral config check coral.toml
      coral config print coral.toml --effective
    """,
)

Toml = Annotated[Path | None, Parameter(name="FILE", help="TOML.")]


@config.command
def check(file: Toml = None, /, *, overrides: Overrides = ()) -> int:
    """Name everything that is wrong, with its place, rule and value.

    For example:
      coral config check coral.toml
      coral config check coral.toml --set kafka.group_id=coral-test
    """
    from coral.settings import load

    load(file, os.environ, overrides)
    if file is None:
        sys.stdout.write("No FILE was given: only CORAL_ variables and --set were checked.\n")
    else:
        sys.stdout.write("The configuration is sound.\n")
    return Exit.OK


@config.command
def print_(file: Toml = None, /, *, overrides: Overrides = (), effective: bool = False) -> int:
    """Show what is set, where, and secrets masked, as TOML.

    For example:
      coral config print coral.toml --effective

    Parameters
    ----------
    effective
        Show defaults too.
    """
    from coral.settings import as_toml, load

    sys.stdout.write(as_toml(load(file, os.environ, overrides), effective=effective))
    return Exit.OK


@config.command
def schema() -> int:
    """Print the JSON Schema of the file, for editors.

    For example:
      coral config schema > coral.schema.json
    """
    import msgspec

    from coral.settings.schema import json_schema

    text = msgspec.json.format(msgspec.json.encode(json_schema()), indent=2).decode()
    sys.stdout.write(f"{text}\n")
    return Exit.OK
