"""Driver of the engine over recordings."""
