"""A coordination service for several Claude Code agents that work on one codebase."""

__version__ = "0.1.0"
