"""The one tree of exceptions that CORAL raises on purpose, and the exit codes of its commands."""

from enum import IntEnum

__all__ = [
    "AskError",
    "CheckpointError",
    "ConfigError",
    "CoralError",
    "CorruptCheckpointError",
    "EventError",
    "Exit",
    "FeedbackError",
    "ForeignCheckpointError",
    "FutureCheckpointError",
    "IncidentError",
    "ListenError",
    "StoreError",
    "TemplateError",
]


class Exit(IntEnum):
    """Exit codes of the command line."""

    OK = 0
    FAILURE = 1  # a file cannot be written, a case crashed; the watchdog ended `run`
    USAGE = 2  # arguments that mean nothing
    INVALID = 3  # a recording, an event or the configuration cannot be used; all others were
    NOTHING_FOUND = 4  # replay: no incident was opened; explain: no such incident; record: no row
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


class IncidentError(CoralError):
    """The identifier of an incident names none, or several.

    Operator action: `coral explain FILE` lists those that are there.
    """


class TemplateError(CoralError):
    """A template of messages cannot be used.

    Operator action: what the text says; `coral config check` says the same.
    """


class FeedbackError(CoralError):
    """Feedback on an incident cannot be used.

    Operator action: name an entity that the message lists.
    """


class ListenError(CoralError):
    """The address of the HTTP server cannot be had.

    Operator action: free it, or set another `http.port` (0: any that is free) or `http.host`.
    """

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(host, port, reason)
        self.host, self.port, self.reason = host, port, reason

    def __str__(self) -> str:
        return (
            f"cannot listen at {self.host} port {self.port}: {self.reason}; set another "
            "`http.port` (0: any that is free), `http.host`, or `http.enabled = false`"
        )


class AskError(CoralError):
    """A running CORAL does not answer, or not as one does.

    Operator action: start it, or correct the address or the token.
    """


class CheckpointError(CoralError):
    """A checkpoint is refused; an older one, or a start without state, takes its place."""


class CorruptCheckpointError(CheckpointError):
    """A checkpoint is not what was written: empty, truncated, or with flipped bits.

    Operator action: check the disk; the file is kept aside for inspection.
    """


class FutureCheckpointError(CheckpointError):
    """A checkpoint was written by a later version of CORAL.

    Operator action: start that version again, or accept that this one learns anew.
    """


class ForeignCheckpointError(CheckpointError):
    """A checkpoint belongs to something else: another key, system, grid or told onset.

    Operator action: correct the directory, the topic or the configuration that was changed.
    """


class StoreError(CoralError):
    """A checkpoint could not be saved or read; the one before it is untouched.

    Operator action: make room, or repair the store; the next checkpoint tries again.
    """
