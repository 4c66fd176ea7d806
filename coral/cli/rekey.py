"""`coral rekey`: topics whose keys are not the systems, copied into one whose keys are."""

from functools import partial
from typing import Annotated

from cyclopts import Parameter

from coral.cli.options import Config, Overrides, load_settings

__all__ = ["rekey"]


def rekey(
    *,
    to: Annotated[str, Parameter(metavar="TOPIC")],
    config: Config = None,
    overrides: Overrides = (),
) -> int:
    """Copy the input topics into one whose keys are the systems, until SIGTERM or Ctrl-C.

    For example:
      coral rekey --config rekey.toml --to coral.metrics.v1

    Parameters
    ----------
    to
        Gets the records.
    """
    from coral.daemon.signals import Stop

    with Stop() as stop:  # before what takes seconds to import
        from coral.daemon.rekey import opened
        from coral.daemon.reload import Reload
        from coral.daemon.service import serve

        read = partial(load_settings, config, overrides)
        settings = read()
        return serve(settings, Reload(read, settings), stop, partial(opened, settings, to), to=to)
