"""One module for each promise; its ``judge(case)`` yields the violations that it is certain of."""
