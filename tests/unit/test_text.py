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
        ("\u202egnp.exe\u2028\x9b", "`\\u202egnp.exe\\u2028\\x9b`"),
        ("n" * 500, f"`{'n' * 159}…`"),
    ],
)
def test_a_name_cannot_leave_its_place(name, text):
    """Control and format characters are escaped, backticks replaced, long names cut."""
    assert text == words.quoted(name)


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ((1.0, 14.0, 0.0), "rose 14x, from 1 to 14"),
        ((1e-9, 1.0, 0.0), "rose more than 1000x, from 1e-09 to 1"),
        ((2.0, 1.0, 0.0), "fell to 50%, from 2 to 1"),
        ((10.0, 11.0, 0.0), "rose from 10 to 11"),
        ((-1.0, 4.0, 0.0), "rose from -1 to 4"),
        ((0.0, 4.0, 0.0), "rose from 0 to 4"),
        ((3.0, 3.0, 0.0), "behaves differently at the same level of 3"),
        ((3.0, 9.0, 0.5), "fell silent"),
        ((3.0, None, 0.2), "left its normal behaviour"),
        ((12_000.0, 13_500_000.0, 0.0), "rose more than 1000x, from 12k to 13.5M"),
    ],
)
def test_a_change_in_words(change, text):
    """Direction, and a ratio where there is one."""
    assert text == words.change(*change)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "together with the health signal"),
        (-35.0, "35 s before the health signal"),
        (119.0, "119 s after the health signal"),
        (300.0, "5 min after the health signal"),
        (-7200.0, "2 h before the health signal"),
        (3 * 86_400.0, "3 d after the health signal"),
    ],
)
def test_a_time_relative_to_the_health_signal(seconds, text):
    """In the unit that suits it."""
    assert text == words.relative(seconds)
