"""From a change to its causes: evidence, exact random walk with restart, ranking, convergence."""
