"""Posts to addresses that somebody configured: checked, bounded in time, tried again."""
