"""Statistics of a row: large where it is unusual."""
