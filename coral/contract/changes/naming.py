"""From the labels of a change event to systems and entities, by the templates of the metrics."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from streams.codec import DEFAULT_MAPPINGS, SeriesMapping
from streams.codec.labelled.mapping import filled
from streams.series import canonical

__all__ = ["Naming"]


class Naming(NamedTuple):
    """How the metrics are named that a change event is to be found among.

    Attributes
    ----------
    topics : tuple of (str, SeriesMapping)
        Input topics whose series have labels.
    systems : tuple of str
        Systems of the configuration: where there is one alone, it needs not be named.
    """

    topics: tuple[tuple[str, SeriesMapping], ...] = ()
    systems: tuple[str, ...] = ()

    def systems_of(self, labels: Mapping[str, str], key: str) -> tuple[str, ...]:
        """Return the systems that a change event may concern, each once.

        By the templates of the metrics; else the key of its record, as on the topics of CORAL's
        own rows; else the only system that there is.

        Parameters
        ----------
        labels : mapping of str to str
        key : str
            Of the record; "" where it has none.

        Raises
        ------
        ValueError
            Saying what is needed, if that leaves none.
        """
        found = [_first(mapping.system, labels, topic, key) for topic, mapping in self.topics]
        if systems := tuple(dict.fromkeys(filter(None, found))):
            return systems
        if key:
            return (canonical(key),)
        if len(self.systems) == 1:
            return self.systems
        raise ValueError("a `system`, or the system as key of the record, expected, got none")

    def entities_of(self, labels: Mapping[str, str], names: Iterable[str]) -> tuple[str, ...]:
        """Return what the metrics may call the part that the labels are of, best first.

        Parameters
        ----------
        labels : mapping of str to str
        names : iterable of str
            What it is called where no template fits.
        """
        known = [mapping for _, mapping in self.topics] or [*DEFAULT_MAPPINGS.values()]
        made = [_first((one,), labels, "", "") for mapping in known for one in mapping.entity]
        held = [name.replace(":", "_") for name in (*made, *names) if name]
        return tuple(dict.fromkeys(map(canonical, held)))


def _first(
    templates: tuple[str, ...], labels: Mapping[str, str], topic: str, key: str
) -> str | None:
    """Return the first template that can be filled, None if none can."""
    held = {"@topic": topic, "@key": key, "@job": labels.get("job", ""), **labels}
    return filled(templates, lambda field: held.get(field, ""))
