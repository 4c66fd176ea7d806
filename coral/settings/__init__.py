"""Configuration of the daemon: one TOML file, `CORAL_*` environment, flags."""

from coral.settings.base import Secret
from coral.settings.load import Loaded, load
from coral.settings.problem import SettingsError, SettingsProblem
from coral.settings.sections import Settings
from coral.settings.show import as_toml

__all__ = [
    "Loaded",
    "Secret",
    "Settings",
    "SettingsError",
    "SettingsProblem",
    "as_toml",
    "load",
]
