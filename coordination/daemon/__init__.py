"""The process on a developer's machine that hooks and terminals talk to, and that speaks to the service for them."""
