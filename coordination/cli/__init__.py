"""The command `coord`: what people type, over the client and the composition root. It decides nothing."""
