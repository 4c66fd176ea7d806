"""Driver of the engine over trees of labelled recordings, and their scores."""
