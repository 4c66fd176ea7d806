"""From statistics to decisions: limits, budgets, re-baselining, onsets."""
