"""An in-memory broker with the contract of a real one."""
