"""The composition root of the service: builds every part once, wires them together, and starts and stops them."""
