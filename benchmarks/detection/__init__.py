"""Parts of benchmarks/trigger.py: recordings, scores, peers, ablations, cost, figures."""
