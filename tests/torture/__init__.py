"""Fifty agents under faults: drive the real service from a seed, kill and stop its parts, and judge the history."""
