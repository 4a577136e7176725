"""The process on a developer's machine that Claude Code's hooks talk to, and that speaks to the service for them."""
