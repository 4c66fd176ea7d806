"""`coral run`: the daemon."""

import os
from functools import partial
from typing import Annotated

from cyclopts import Parameter

from coral.cli.options import Config, File, Overrides, load_settings

__all__ = ["run"]


Shadow = Annotated[
    File | None,
    Parameter(
        help="TOML laid over the configuration: a second one that judges the same rows and "
        "publishes nothing; how far both agree stands at /api/v1/shadow."
    ),
]


def run(*, config: Config = None, overrides: Overrides = (), shadow: Shadow = None) -> int:
    """Watch the metrics of a Kafka and publish incidents, until SIGTERM or Ctrl-C.

    For example:
      coral run --config coral.toml
      coral run --set kafka.bootstrap_servers=localhost:9092 --set log.level=debug
      CORAL_KAFKA__GROUP_ID=coral-test coral run --config coral.toml
      coral run --config coral.toml --shadow stricter.toml
    """
    from coral.daemon.signals import Stop

    with Stop() as stop:  # before what takes seconds to import
        from coral.daemon.assembly import opened
        from coral.daemon.reload import Reload
        from coral.daemon.service import serve
        from coral.daemon.warmup import warm
        from coral.http.board import Board
        from coral.settings.shadow import load_shadow
        from streams.clock import SystemClock

        read = partial(load_settings, config, overrides)
        settings = read()
        second = None if shadow is None else load_shadow(shadow, config, os.environ, overrides)
        state = settings.state
        facts = {"store": state.store, "publish": state.publish}
        named = {} if shadow is None else {"shadow": str(shadow)}
        board = Board(SystemClock(), settings.http.ready_lag)
        run = partial(opened, settings, board, second)
        return serve(settings, Reload(read, settings), stop, run, warm, board, **facts, **named)
