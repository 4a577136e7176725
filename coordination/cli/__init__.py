"""The command `coord`: commands for people, over the client and the composition root. It decides nothing itself."""
