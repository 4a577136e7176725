"""Use cases, one verb each: check the input, store the outcome, emit its events. No SQL, no HTTP."""
