"""Pydantic models of tool inputs and outputs and of REST bodies, shared by transports and clients."""
