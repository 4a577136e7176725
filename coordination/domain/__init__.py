"""Pure values and decisions: no input, no output, no clock, no third party."""
