"""The services of the shop, each a process of its own: ``python -m services.NAME``."""
