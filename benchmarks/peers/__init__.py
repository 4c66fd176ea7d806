"""Peers and baselines on recorded incidents, each behind one interface; see run.py."""
