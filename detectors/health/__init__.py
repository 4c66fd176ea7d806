"""Health signals: what they say by what is usual for them, and by their objectives."""
