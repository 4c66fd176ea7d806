"""What a person sees while a recording is replayed."""

from io import StringIO

import msgspec
from makers import run, shop_rows
from rich.console import Console

from coral.report.console import RevisionPrinter


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
