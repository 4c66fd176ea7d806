"""Configuration of the daemon: one TOML file, `CORAL_*` environment, flags."""

from coral.settings.load import Loaded, load
from coral.settings.problem import Problem, SettingsError
from coral.settings.sections import Secret, Settings
from coral.settings.show import as_toml

__all__ = [
    "Loaded",
    "Problem",
    "Secret",
    "Settings",
    "SettingsError",
    "as_toml",
    "load",
]
