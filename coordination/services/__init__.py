"""Use cases, one verb each: check the input against the rules, store the outcome, emit its events. No SQL, no HTTP."""
