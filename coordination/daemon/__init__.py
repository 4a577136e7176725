"""The process on a developer's machine: what hooks talk to, and what speaks to the service for them.

docs/explanation/architecture.md has a map of the modules.
"""
