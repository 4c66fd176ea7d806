"""`coral run`: the daemon."""

from functools import partial

from coral.cli.options import Config, Overrides, load_settings

__all__ = ["run"]


def run(*, config: Config = None, overrides: Overrides = ()) -> int:
    """Watch the metrics of a Kafka and publish incidents, until SIGTERM or Ctrl-C.

    For example:
      coral run --config coral.toml
      coral run --set kafka.bootstrap_servers=localhost:9092 --set log.level=debug
      CORAL_KAFKA__GROUP_ID=coral-test coral run --config coral.toml
    """
    from coral.daemon.signals import Stop

    with Stop() as stop:  # before what takes seconds to import
        from coral.daemon import daemon
        from coral.daemon.reload import Reload
        from coral.daemon.service import serve
        from coral.daemon.warmup import warm
        from coral.http.board import Board
        from streams.clock import SystemClock

        read = partial(load_settings, config, overrides)
        settings = read()
        facts = {"store": settings.state.store, "publish": settings.state.publish}
        board = Board(SystemClock(), settings.http.ready_lag)
        run = partial(daemon.opened, settings, board)
        return serve(settings, Reload(read, settings), stop, run, warm, board, **facts)
