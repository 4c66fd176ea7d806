"""`coral dashboard`: the page alone, for all replicas."""

from functools import partial

from coral.cli.options import Address, Config, Overrides, load_settings

__all__ = ["dashboard"]


def dashboard(*, config: Config = None, overrides: Overrides = (), kafka: Address = None) -> int:
    """Show the incidents of all replicas on a page, until SIGTERM or Ctrl-C.

    It follows the incidents topic, keeps nothing, and belongs to no consumer group.

    For example:
      coral dashboard --kafka localhost:9092
      coral dashboard --config coral.toml --set http.port=8081

    Parameters
    ----------
    kafka
        Address of the brokers.
    """
    from coral.daemon.signals import Stop

    with Stop() as stop:
        from coral.daemon.dashboard import followed
        from coral.daemon.reload import Reload
        from coral.daemon.service import serve
        from coral.http.board import Board
        from streams.clock import SystemClock

        read = partial(load_settings, config, overrides, kafka)
        settings = read()
        board = Board(SystemClock(), settings.http.ready_lag)
        opened = partial(followed, settings, board)
        topics = [settings.output.incidents, settings.input.feedback]
        return serve(settings, Reload(read, settings), stop, opened, board=board, topics=topics)
