"""Runs every kernel and prints how many were loaded and how many had to be compiled, as JSON.

Its text is run by interpreters of other file systems: it uses CORAL alone.
"""

import importlib
import json
import pkgutil

import coral
import detectors
from coral.daemon.warmup import warm

events = warm()
loaded = compiled = 0
for package in (coral, detectors):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name.endswith("_kernels"):
            for kernel in vars(importlib.import_module(module.name)).values():
                if hasattr(kernel, "stats"):
                    loaded += sum(kernel.stats.cache_hits.values())
                    compiled += sum(kernel.stats.cache_misses.values())
print(json.dumps({"events": len(events), "loaded": loaded, "compiled": compiled}))  # noqa: T201
