"""The one tree of exceptions that CORAL raises on purpose, and the exit codes of its commands."""

from enum import IntEnum

__all__ = ["ConfigError", "CoralError", "EventError", "Exit"]


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILURE = 1  # a file cannot be written, a case crashed
    USAGE = 2  # argparse's own
    INVALID = 3  # a recording or the configuration cannot be used; other recordings were processed
    NOTHING_FOUND = 4  # replay: no incident was opened in any recording
    INTERRUPTED = 130


class CoralError(Exception):
    """Base of all errors that CORAL raises on purpose; the text says who, which rule, what came."""


class ConfigError(CoralError):
    """A configuration value breaks a rule.

    Operator action: correct the named key; nothing has been started.
    """


class EventError(CoralError):
    """A published event does not have the form of the schema.

    Operator action: the file or topic was written by something else, or by a newer version.
    """
