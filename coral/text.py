"""Names, numbers and times in words; nothing a name contains can leave its place."""

import difflib
import re
import unicodedata
from collections.abc import Iterable
from typing import Final

from streams.topology import ends_of

__all__ = [
    "LENGTHS",
    "MOSTLY_MISSING",
    "alike",
    "change",
    "done",
    "escaped",
    "hint",
    "measured",
    "named",
    "printable",
    "quantity",
    "quoted",
    "relative",
    "seconds",
    "seconds_of",
    "told_apart",
    "unit_of",
    "where",
]

# A name longer than this is cut in text; it is whole in the structured fields.
LONGEST_NAME = 160
# From this share of its usual values on, what is missing of a series says more than the rest.
MOSTLY_MISSING = 0.5
_PART = r"(?:[._](?:total|sum|avg|mean|median|min|max|p\d{1,3}))?"
_PER_SECOND = r"_per_s(?:ec|econd)?"
_WORD = re.compile(r"[^\W\d_]+")
# Scripts with letters that look like Latin ones, as the names of their letters begin.
_ALIKE = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "FULLWIDTH", "MATHEMATICAL")
# Those of their letters that pass for Latin ones by themselves, and what for.
_PASSING = frozenset(
    "\u0430\u0435\u043e\u0440\u0441\u0443\u0445\u0455\u0456\u0458\u04bb"
    "\u0501\u051b\u051d\u0475\u04cf\u0433"  # aeopcyxsijhdqwvlr
    "\u0410\u0412\u0415\u041a\u041c\u041d\u041e\u0420\u0421\u0422\u0423"
    "\u0425\u0405\u0406\u0408\u04ae\u050c\u051a\u051c\u0474\u04c0"  # ABEKMHOPCTYXSIJYGQWVI
    "\u03b1\u03b3\u03b9\u03bd\u03bf\u03c1\u03c3\u03c5"  # ayivopou
    "\u0391\u0392\u0395\u0396\u0397\u0399\u039a\u039c\u039d\u039f\u03a1"
    "\u03a4\u03a5\u03a7"  # ABEZHIKMNOPTYX
    "\u057d\u0578\u0585\u0570\u0581\u0566\u0575\u054d\u0555\u054f\u053c"  # unohgqjUOSL
    "\u13a0\u13a1\u13a2\u13a9\u13aa\u13ab\u13ac\u13b3\u13b7\u13bb\u13c0"
    "\u13c2\u13c3\u13d9\u13da\u13de\u13df\u13e2\u13e6\u13e7\u13f4"  # DRTYAJEWMHGhZVSLCPKdB
    "\u2c9e\u2c9f\u2ca2\u2ca3\u2ca4\u2ca5\u2cac\u2cad\u2c98\u2c9a\u2c92"
    "\u2c94\u2c8e\u2ca6\u2ca8"  # OoPpCcXxMNIKHTY
)
_UNIT = re.compile(
    rf"[._](?P<unit>seconds|milliseconds|microseconds|ms|us|bytes|ratio|percent|pct)"
    rf"(?P<rate>(?<=bytes){_PER_SECOND})?{_PART}$",
    re.IGNORECASE,
)
# `query_s` is seconds; what ends like a plural, `reads_s`, may be so many a second.
_SHORT_SECONDS = re.compile(rf"(?<=[a-rt-z])(?<!per)_s{_PART}$", re.IGNORECASE)
# Seconds a second are a share, and stay one.
_FREQUENCY = re.compile(rf"(?<!seconds)(?:{_PER_SECOND}|[._][rq]ps){_PART}$", re.IGNORECASE)
_SECONDS = {"milliseconds": 1e-3, "ms": 1e-3, "microseconds": 1e-6, "us": 1e-6, "seconds": 1.0}
# Digits that are tried until two values read differently.
_DIGITS = (4, 6, 9, 12, 17)


def printable(text: str) -> str:
    r"""Return `text` with control, format and line-breaking characters escaped.

    Colour sequences, line feeds, and marks that turn the direction of writing are names of
    nothing; in a terminal, a log or a ticket they rewrite what stands around them. In a word that
    mixes Latin letters with those that look like them, the latter are escaped too, and so is a word
    all of which could be taken for Latin letters.

    Examples
    --------
    >>> printable("db\x1b[31m\n")
    'db\\x1b[31m\\x0a'
    >>> printable("p\u0430y"), printable("größe"), printable("\u0441\u0430\u0440")
    ('p\\u0430y', 'größe', '\\u0441\\u0430\\u0440')
    """
    if not text.isascii():
        text = _WORD.sub(_apart, text)
    return "".join(escaped(c) if _hidden(c) else c for c in text)


def _apart(word: re.Match[str]) -> str:
    """Return a word in which no letter passes for a Latin one."""
    letters = word[0]
    alike = {c for c in letters if not c.isascii() and unicodedata.name(c, "").startswith(_ALIKE)}
    mixed = any(unicodedata.name(c, "").startswith("LATIN") for c in letters)
    if not alike or not (mixed or all(map(_passes, letters))):
        return letters
    return "".join(escaped(c) if c in alike else c for c in letters)


def _passes(letter: str) -> bool:
    """Whether a letter is easily taken for a Latin one: also those of full width, and bold."""
    return letter in _PASSING or unicodedata.normalize("NFKC", letter).isascii()


def _hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def escaped(character: str) -> str:
    """Return the escape of a character, as Python writes it."""
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def named(name: str) -> str:
    """Return a name for a sentence: printable, not too long, without a backtick."""
    text = printable(name).replace("`", "'")
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def hint(word: str, known: Iterable[str]) -> str:
    """Return a did-you-mean to put behind a sentence, empty if nothing is near.

    Examples
    --------
    >>> hint("ordesr", ["orders", "db"]), hint("x", ["orders"])
    ('; did you mean `orders`?', '')
    """
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; did you mean {quoted(near[0])}?" if near else ""


def quoted(name: str) -> str:
    """Return a name between backticks, the way all sentences set names."""
    return f"`{named(name)}`"


def where(entity: str, entities: Iterable[str]) -> str:
    """Return an entity for a sentence; of an edge, what it may be.

    Parameters
    ----------
    entity : str
    entities : iterable of str
        All that have metrics: what is called may be one of them or not.

    Examples
    --------
    >>> where("orders", ["orders"]), where("orders->db", ["db"])
    ('`orders`', '`orders->db`, the network between `orders` and `db`')
    """
    ends = ends_of(entity)
    if ends is None:
        return quoted(entity)
    caller, callee = map(quoted, ends)
    if any(ends[1] in (name, name.rpartition("/")[2]) for name in entities):
        return f"{quoted(entity)}, the network between {caller} and {callee}"
    both = f"{callee}, which has no metrics, or the network between it and {caller}"
    return f"{quoted(entity)}, that is {both}"


def done(entity: str | None, kind: str, before_onset_s: float) -> str:
    """Return what was done to an entity, or to the system as a whole, and when.

    Examples
    --------
    >>> done("orders", "deployed", 40.0), done(None, "modified", -90.0)
    ('`orders` was deployed 40 s before the onset', 'the system was modified 90 s after the onset')
    """
    who = "the system" if entity is None else quoted(entity)
    if before_onset_s == 0.0:
        return f"{who} was {kind} at the onset"
    side = "before" if before_onset_s > 0.0 else "after"
    return f"{who} was {kind} {seconds(abs(before_onset_s))} {side} the onset"


def quantity(value: float, digits: int = 4) -> str:
    """Return a number for people: four digits, thousands as k, M, G, T."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e15:
            return f"{value / (1e3 if letter == 'k' else size):.{digits}g}{letter}"
    return f"{value:.{digits}g}"


def measured(series: str, value: float, *, growth: bool = False, digits: int = 4) -> str:
    """Return a value of a series in the unit that its name says, if it says one.

    Names end in their base unit by the conventions of Prometheus and OpenTelemetry, or in a short
    form that can be one thing only. The growth of a counter is one a second.

    Examples
    --------
    >>> measured("db:query_duration_seconds", 0.0431), measured("db:wal_bytes", 2.5e6)
    ('43.1 ms', '2.5 MB')
    >>> measured("db:hit_ratio", 0.464), measured("db:connections", 31.0)
    ('46.4%', '31')
    >>> measured("web:latency_ms", 1250.0), measured("web:requests_per_s", 40.0)
    ('1.25 s', '40/s')
    """
    unit, factor = unit_of(series, growth=growth)
    value *= factor
    if unit in ("s", "s/s"):
        return f"{_small_seconds(value, digits)}{unit[1:]}"
    if unit in ("B", "B/s"):
        return f"{_bytes(value, digits)}{unit[1:]}"
    return f"{quantity(value, digits)}{unit}"


def unit_of(series: str, *, growth: bool = False) -> tuple[str, float]:
    """Return the unit that the name of a series says, and the factor that brings values into it.

    Examples
    --------
    >>> unit_of("web:latency_ms"), unit_of("db:hit_ratio"), unit_of("db:connections")
    (('s', 0.001), ('%', 100.0), ('', 1.0))
    """
    if growth:
        unit, factor = unit_of(series)
        return f"{unit.removesuffix('/s')}/s", factor
    found = _UNIT.search(series)
    named_unit = found["unit"].lower() if found else ""
    if named_unit in _SECONDS:
        return "s", _SECONDS[named_unit]
    if named_unit == "bytes":
        return "B/s" if found and found["rate"] else "B", 1.0
    if named_unit == "ratio":
        return "%", 100.0
    if named_unit:
        return "%", 1.0
    if _SHORT_SECONDS.search(series):
        return "s", 1.0
    return "/s" if _FREQUENCY.search(series) else "", 1.0


def alike(series: str, first: float, second: float, *, growth: bool = False) -> bool:
    """Whether two values of a series read the same: what differs less is no evidence in words."""
    return measured(series, first, growth=growth) == measured(series, second, growth=growth)


def told_apart(series: str, first: float, second: float) -> tuple[str, str]:
    """Return two values of a series, such as a level and a limit, with digits enough to differ.

    Examples
    --------
    >>> told_apart("db:rows", 50_171.2, 50_171.9)
    ('50.1712k', '50.1719k')
    """
    pair = ("", "")
    for digits in _DIGITS:
        pair = (measured(series, first, digits=digits), measured(series, second, digits=digits))
        if pair[0] != pair[1]:
            break
    return pair


def _small_seconds(value: float, digits: int) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= size:
            return f"{quantity(value / size, digits)} {unit}"
    return f"{quantity(value, digits)} s"


def _bytes(value: float, digits: int) -> str:
    for size, unit in ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(value) >= size:
            return f"{quantity(value / size, digits)} {unit}"
    return f"{quantity(value, digits)} B"


def change(
    series: str,
    before: float,
    after: float | None,
    missing: float,
    moment: str = "",
    *,
    growth: bool = False,
) -> str:
    """Return the change of a series in words: direction, time, and both levels.

    No two levels are told apart that read alike, and the level since is said to be a mean.

    Parameters
    ----------
    series : str
    before, after : float, raw units
        Median in the normal state and mean since; None = no value since.
    missing : float
        Share of the rows since without a value, above the usual share.
    moment : str
        When it first left what was predicted of it; empty if it did not.
    growth : bool
        Whether the levels are those of how fast a counter grows, per second.
    """
    at = f" at {moment}" if moment else ""
    if missing >= MOSTLY_MISSING:
        return f"went missing{at} (no value in {missing:.0%} of the rows since)"
    if after is None:
        return f"left its usual pattern{at}" if at else "has had no value since"
    old, new = (measured(series, value, growth=growth) for value in (before, after))
    if old == new:
        pattern = f", but left its usual pattern{at}" if at else ""
        return f"hardly changed on average ({old}){pattern}"
    return f"{_direction(before, after)}{at} ({old} before, {new} on average since)"


def _direction(before: float, after: float) -> str:
    if before > 0 and after / before >= 1.5:
        ratio = after / before
        return f"rose {f'{ratio:.3g}' if ratio < 1000 else 'more than 1000'}x"
    if before > 0 and 0 <= after / before <= 0.67:
        if after == 0:
            return "fell to zero"
        return f"fell to {f'{after / before:.0%}' if after / before >= 0.01 else 'less than 1%'}"
    return "rose" if after > before else "fell"


def seconds(value: float) -> str:
    """Return a length of time in the one or two units that suit it.

    Examples
    --------
    >>> seconds(27.0), seconds(174.0), seconds(-7200.0)
    ('27 s', '2 min 54 s', '2 h')
    """
    size = abs(value)
    for length, unit, part, part_unit in (
        (86_400, "d", 3600, "h"),
        (3600, "h", 60, "min"),
        (60, "min", 1, "s"),
    ):
        if size >= 2 * length:
            whole, rest = divmod(round(size / part), length // part)
            return f"{whole} {unit} {rest} {part_unit}" if rest else f"{whole} {unit}"
    return f"{size:.3g} s"


def seconds_of(text: str) -> float | None:
    """Return the seconds of lengths of time such as 90s, 15m, 6h, 1h30m; None if it is no such.

    Examples
    --------
    >>> seconds_of("2m"), seconds_of("1h30m"), seconds_of("250ms"), seconds_of("soon")
    (120.0, 5400.0, 0.25, None)
    """
    if not re.fullmatch(LENGTHS, text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_LENGTH, text))


_LENGTH: Final = r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|[smhd])"
LENGTHS: Final = rf"^(?:{_LENGTH})+$"
"""What `seconds_of` reads."""
_UNITS: Final = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def relative(after_health_s: float, health: str = "the health signal") -> str:
    """Return a time relative to the first change of a health signal in words."""
    if after_health_s == 0:
        return f"together with {health}"
    return f"{seconds(after_health_s)} {'before' if after_health_s < 0 else 'after'} {health}"
