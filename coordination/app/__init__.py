"""The composition root of the service: builds every part once, wires them together, starts and stops them."""
