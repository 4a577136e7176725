"""The history checker and its own tests: a wrong history of each kind, and right ones beside it."""
