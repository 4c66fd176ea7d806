"""The page on which people see incidents: what a browser gets, and what it asks for.

`static/` is served as it is: modules of the language of browsers, no build step. What it draws is
`coral.report.incident_view`.
"""
