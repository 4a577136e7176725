"""Limits of a hosted service that no test reaches by being quick: those that it ships with are tested by themselves."""

from typing import Final

LOOSE: Final = {
    "COORDINATION_TOKEN_RATE": "10000",
    "COORDINATION_ADDRESS_RATE": "100000",
    "COORDINATION_ADDRESS_REQUESTS": "10000",
    "COORDINATION_ADDRESS_FAILURES": "10000",
}
