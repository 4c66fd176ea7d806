"""What is wrong with a configuration: place, rule and value; all at once."""

import json
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from coral.errors import ConfigError

Path: TypeAlias = tuple[str, ...]


class SettingsProblem(NamedTuple):
    """One broken rule.

    Parameters
    ----------
    place : str
        ``<file>:<key>``, the name of an environment variable, or ``--set <key>``.
    rule : str
        What is expected there.
    got : str
        What is there; secrets are masked.
    path : tuple of str
        The key, from its section on; empty if it is about no key.
    """

    place: str
    rule: str
    got: str
    path: Path = ()

    def __str__(self) -> str:
        return f"{self.place}: {self.rule}, got {self.got}"


class SettingsError(ConfigError):
    """The configuration cannot be used; all problems are named.

    Operator action: correct every place it names; nothing has been started.
    """

    def __init__(self, problems: Sequence[SettingsProblem]) -> None:
        super().__init__(problems)
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)


def key_of(path: Path) -> str:
    """Return a path as it is written in TOML: ``input.topics."coral.metrics.v1".format``."""
    return ".".join(part if _bare(part) else json.dumps(part) for part in path)


def _bare(part: str) -> bool:
    return bool(part) and part.isascii() and part.replace("_", "").replace("-", "").isalnum()
