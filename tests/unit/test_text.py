"""Names, numbers and times in words."""

import pytest

from coral import text as words


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("orders:latency_p95", "`orders:latency_p95`"),
        ("größe:温度", "`größe:温度`"),
        ("a`b", "`a'b`"),
        ("\x1b[31mred\x1b[0m", "`\\x1b[31mred\\x1b[0m`"),
        ("two\nlines\r\x00", "`two\\x0alines\\x0d\\x00`"),
        ("p\u0430yments сайт größe 数据", "`p\\u0430yments сайт größe 数据`"),
        ("\uff50ay \U0001d429ay", "`\\uff50ay \\U0001d429ay`"),
        ("\u0441\u0430\u0441\u04bb\u0435", "`\\u0441\\u0430\\u0441\\u04bb\\u0435`"),
        ("\uff44\uff42:\u0420", "`\\uff44\\uff42:\\u0420`"),
        ("\u202egnp.exe\u2028\x9b", "`\\u202egnp.exe\\u2028\\x9b`"),
        ("n" * 500, f"`{'n' * 159}…`"),
    ],
)
def test_a_name_cannot_leave_its_place(name: str, text: str) -> None:
    """Control and format characters are escaped, backticks replaced, long names cut."""
    assert text == words.quoted(name)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ((1.0, 14.0, 0.0), "rose 14x (1 before, 14 on average since)"),
        ((1e-9, 1.0, 0.0), "rose more than 1000x (1e-09 before, 1 on average since)"),
        ((2.0, 1.0, 0.0), "fell to 50% (2 before, 1 on average since)"),
        ((10.0, 11.0, 0.0), "rose (10 before, 11 on average since)"),
        ((-1.0, 4.0, 0.0), "rose (-1 before, 4 on average since)"),
        ((0.0, 4.0, 0.0), "rose (0 before, 4 on average since)"),
        ((3.0, 3.0, 0.0), "hardly changed on average (3)"),
        ((50_171.0, 50_172.0, 0.0), "hardly changed on average (50.17k)"),
        ((3.0, 0.0, 0.0), "fell to zero (3 before, 0 on average since)"),
        ((3000.0, 1.0, 0.0), "fell to less than 1% (3000 before, 1 on average since)"),
        ((3.0, 9.0, 0.5), "went missing (no value in 50% of the rows since)"),
        ((3.0, None, 0.2), "has had no value since"),
        (
            (12_000.0, 13_500_000.0, 0.0),
            "rose more than 1000x (12k before, 13.5M on average since)",
        ),
    ],
)
def test_a_change_in_words(change: tuple[float, float | None, float], text: str) -> None:
    """Direction, and a ratio where there is one."""
    assert text == words.change("a:b", *change)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ((1.0, 14.0, 0.0), "rose 14x at 12:01:07 (1 before, 14 on average since)"),
        ((9.0, 9.0, 0.0), "hardly changed on average (9), but left its usual pattern at 12:01:07"),
        ((9.0, 9.0, 1.0), "went missing at 12:01:07 (no value in 100% of the rows since)"),
        ((9.0, None, 0.2), "left its usual pattern at 12:01:07"),
    ],
)
def test_a_change_at_a_time(change: tuple[float, float | None, float], text: str) -> None:
    """The time stands with what happened then, apart from the mean of the rows since."""
    assert text == words.change("a:b", *change, "12:01:07")


@pytest.mark.parametrize(
    ("series", "value", "text"),
    [
        ("db:query_duration_seconds", 0.0431, "43.1 ms"),
        ("db:query_duration_seconds_p95", 7.5e-5, "75 µs"),
        ("db:query_duration_seconds_sum", 1234.5, "1234 s"),
        ("db:query_duration_seconds_count", 1234.5, "1234"),
        ("db:cpu_seconds_per_s", 0.5, "0.5"),
        ("db:latency_ms_p95", 1250.0, "1.25 s"),
        ("db:fsync_us", 40.0, "40 µs"),
        ("db:query_s", 0.0431, "43.1 ms"),
        ("db:reads_s", 12.0, "12"),
        ("db:queries_per_s", 12.0, "12/s"),
        ("db:rps", 12.0, "12"),
        ("web:http.rps", 12.0, "12/s"),
        ("db:cpu_pct", 46.3, "46.3%"),
        ("db:wal_bytes", 0.0, "0 B"),
        ("db:wal_bytes_total", 2.5e6, "2.5 MB"),
        ("db:disk_write_bytes_per_s", 341.24, "341.2 B/s"),
        ("node.cpu_ratio", 0.463, "46.3%"),
        ("node:cpu_percent", 46.3, "46.3%"),
        ("node:megabytes", 46.3, "46.3"),
        ("node:temperature", -46.3, "-46.3"),
    ],
)
def test_a_value_in_the_unit_of_its_name(series: str, value: float, text: str) -> None:
    """Only where a published convention says it."""
    assert text == words.measured(series, value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "together with the health signal"),
        (-174.0, "2 min 54 s before the health signal"),
        (5400.0, "90 min after the health signal"),
        (9000.0, "2 h 30 min after the health signal"),
        (-35.0, "35 s before the health signal"),
        (119.0, "119 s after the health signal"),
        (300.0, "5 min after the health signal"),
        (-7200.0, "2 h before the health signal"),
        (3 * 86_400.0, "3 d after the health signal"),
    ],
)
def test_a_time_relative_to_the_health_signal(seconds: float, text: str) -> None:
    """In the unit that suits it."""
    assert text == words.relative(seconds)


def test_values_that_read_alike_get_more_digits() -> None:
    """A limit is told from the level it stands beside; equal ones stay equal."""
    assert words.alike("a:b", 50_171.2, 50_171.9)
    assert ("50.1712k", "50.1719k") == words.told_apart("a:b", 50_171.2, 50_171.9)
    assert ("300 ms", "300.00001 ms") == words.told_apart("a:b_seconds", 0.3, 0.30000001)
    assert ("7", "7") == words.told_apart("a:b", 7.0, 7.0)
