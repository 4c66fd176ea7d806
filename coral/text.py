"""Names, numbers and times in words; nothing a name contains can leave its place."""

import unicodedata

__all__ = ["SILENT", "change", "named", "printable", "quantity", "quoted", "relative", "seconds"]

# A name longer than this is cut in text; it is whole in the structured fields.
LONGEST_NAME = 160
# A series that misses this share of its usual cells has fallen silent, in words.
SILENT = 0.5


def printable(text: str) -> str:
    r"""Return `text` with control, format and line-breaking characters escaped.

    Colour sequences, line feeds, and marks that turn the direction of writing are names of
    nothing; in a terminal, a log or a ticket they rewrite what stands around them.

    Examples
    --------
    >>> printable("db\x1b[31m\n")
    'db\\x1b[31m\\x0a'
    """
    return "".join(_escaped(c) if _hidden(c) else c for c in text)


def _hidden(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] == "C" or category in ("Zl", "Zp")


def _escaped(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def named(name: str) -> str:
    """Return a name for a sentence: printable, not too long, without a backtick."""
    text = printable(name).replace("`", "'")
    return text if len(text) <= LONGEST_NAME else f"{text[: LONGEST_NAME - 1]}…"


def quoted(name: str) -> str:
    """Return a name between backticks, the way all sentences set names."""
    return f"`{named(name)}`"


def quantity(value: float) -> str:
    """Return a number for people: four digits, thousands as k, M, G, T."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size <= abs(value) < 1e15:
            return f"{value / (1e3 if letter == 'k' else size):.4g}{letter}"
    return f"{value:.4g}"


def change(before: float, after: float | None, missing: float) -> str:
    """Return the change of a series in words: direction, ratio or values.

    Parameters
    ----------
    before, after : float, raw units
        Level in the normal state and since; None = no value since.
    missing : float
        Share of the rows since without a value, above the usual share.
    """
    if missing >= SILENT:
        return "fell silent"
    if after is None:
        return "left its normal behaviour"
    direction = "rose" if after > before else "fell"
    if before == after:
        return f"behaves differently at the same level of {quantity(before)}"
    values = f"from {quantity(before)} to {quantity(after)}"
    if before > 0 and after / before >= 1.5:
        ratio = after / before
        return f"{direction} {f'{ratio:.3g}' if ratio < 1000 else 'more than 1000'}x, {values}"
    if before > 0 and 0 <= after / before <= 0.67:
        return f"{direction} to {after / before:.0%}, {values}"
    return f"{direction} {values}"


def seconds(value: float) -> str:
    """Return a length of time in the unit that suits it."""
    size = abs(value)
    for length, unit in ((2 * 86_400.0, "d"), (7200.0, "h"), (120.0, "min")):
        if size >= length:
            scale = {"d": 86_400.0, "h": 3600.0, "min": 60.0}[unit]
            return f"{size / scale:.3g} {unit}"
    return f"{size:.3g} s"


def relative(after_kpi_s: float, health: str = "the health signal") -> str:
    """Return a time relative to the health signal in words."""
    if after_kpi_s == 0:
        return f"together with {health}"
    return f"{seconds(after_kpi_s)} {'before' if after_kpi_s < 0 else 'after'} {health}"
