"""What a person sees while a recording is replayed."""

from io import StringIO

import msgspec
from makers import NAMES, run, shop_config, shop_rows, unfelt_rows
from rich.console import Console

from coral.config import SystemConfig
from coral.engine import Engine
from coral.report.console import RevisionPrinter, describe_quiet
from streams.records import Frame


def test_another_day_is_printed_once() -> None:
    """Lines have the time of day, the first one of another day its date too."""
    printed = StringIO()
    show = RevisionPrinter(Console(file=printed, width=100))
    opened, *later = run(shop_rows())
    news = [msgspec.structs.replace(event, time="2020-01-03T01:10:00Z") for event in later]
    for event in (msgspec.structs.replace(opened, time="2020-01-01T07:03:00Z"), *news):
        show(event)
    moments = [line.split("  ")[0] for line in printed.getvalue().splitlines() if line[0] != " "]

    assert moments[:2] == ["07:03:00", "07:03:00"]  # opened, and its first ranking
    assert moments[2] == "2020-01-03 01:10:00"
    assert set(moments[3:]) == {"01:10:00"}


def test_a_change_that_becomes_an_incident_is_news() -> None:
    """Both are said, each in the words of what it is."""
    printed = StringIO()
    show = RevisionPrinter(Console(file=printed, width=200))
    for event in run(unfelt_rows(felt_at=212)):
        show(event)
    text = printed.getvalue()

    assert "opened" in text.splitlines()[0]
    assert text.splitlines()[0].split("  ")[1].startswith("change ")
    assert "a change, not an incident." in " ".join(text.split())
    assert 1 == text.count("the change became an incident\n          `web:latency_p95` left its")


def quiet(rows: int, config: SystemConfig | None = None) -> str:
    """What is said of so many normal rows."""
    engine = Engine(config or shop_config())
    for t, x in enumerate(shop_rows(rows=rows, fault=None)):
        assert not engine.step(Frame("shop", float(t), NAMES, x))
    return describe_quiet(engine.sight())


def test_quiet_rows_say_what_would_have_been_noticed() -> None:
    """And what never occurred."""
    edges = (("web", "nobody"), ("web", "card"))
    gone = shop_config(kpi=("web:latency_p95", "web:gone"), edges=edges)
    text = quiet(190, gone)

    assert text.startswith("No incident and no change in ")
    assert "It takes 21 d to show that the limit of 1 false page a week holds." in text
    assert "would be noticed: two readings in a row of `web:latency_p95` above 0." in text
    assert "usual deviation in five series, for two rows." in text
    assert "Health signals of the configuration that have never occurred: `web:gone`." in text
    assert (
        "Entities of the configuration that have never occurred: `nobody`, `card` (perhaps `cart`)."
        in text
    )


def test_quiet_rows_that_could_show_nothing_say_so() -> None:
    """Too few for the warm-up, or for a limit; with a given onset nothing is watched."""
    nobody = shop_config(kpi=(), edges=())

    assert "shorter than the warm-up, so nothing was watched." in quiet(20, nobody)
    assert "The other statistics begin after 28 more normal rows." in quiet(20, nobody)
    blind = quiet(50, nobody)
    assert blind.startswith("No incident, but few changes could have been seen. `pair`, `mean`, ")
    assert "have no limit yet; more normal rows give them one." in blind
    assert "What would be noticed" not in blind
    assert "so nothing was watched." in describe_quiet(None)
