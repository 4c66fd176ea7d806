"""The methods: functions of a case that return scores by name of a metric or an entity.

A module here runs in the environment of its packages, so it imports nothing but them, numpy and
`peers.case`.
"""
