"""Incremental disentangled causal graph: what always holds, and what the present state changed."""

from coral.graph.causal import CausalGraph
from coral.graph.contradiction import Contradiction
from coral.graph.edges import Edge
from coral.graph.moments import LaggedMoments
from coral.graph.prior import Prior
from coral.graph.states import StateSignature

__all__ = [
    "CausalGraph",
    "Contradiction",
    "Edge",
    "LaggedMoments",
    "Prior",
    "StateSignature",
]
