"""From a change to its causes: innovation scores, random walk with restart, convergence."""
