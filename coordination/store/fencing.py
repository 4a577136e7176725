"""Fencing tokens that grow over everything: restarts, crashes, and a database that is restored from a copy.

A token comes from a sequence, so it grows as long as the database lives. A restored copy would begin where it was
copied. So the sequence is kept from falling behind the clock in milliseconds: whatever a lost database gave out is
smaller, as long as no more than a thousand leases a second were granted for all its life.
"""

from typing import Final

# Two statements, so that the look comes after the lock: of two connections that find the sequence behind the clock, the
# later one would set it back below what was drawn since the earlier one's setting. Nothing to do before the
# migrations, where there is no sequence yet. Whoever finds the sequence behind the clock sets it a second ahead, so
# that tokens which others draw between the look and the setting are not given out again.
RAISE_TOKENS: Final = """
    SELECT pg_advisory_xact_lock(20261123);
    SELECT setval(s.sequence, s.clock + 1000)
    FROM (SELECT to_regclass('coordination_fencing_token') AS sequence,
                 (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock) s
    WHERE nextval(s.sequence) < s.clock
"""
# The same where a pooler lends another backend for every transaction: each is asked for once, which it remembers by
# itself. It can only be one that none of ours has met after a database was restored: restoring ends them all.
RAISE_TOKENS_ONCE: Final = """
    DO $raise$
    BEGIN
        IF current_setting('coordination.tokens_raised', true) = 'yes' THEN
            RETURN;
        END IF;
        PERFORM pg_advisory_xact_lock(20261123);
        PERFORM setval(s.sequence, s.clock + 1000)
        FROM (SELECT to_regclass('public.coordination_fencing_token') AS sequence,
                     (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS clock) s
        WHERE nextval(s.sequence) < s.clock;
        PERFORM set_config('coordination.tokens_raised', 'yes', false)
        WHERE to_regclass('public.coordination_fencing_token') IS NOT NULL;
    END
    $raise$
"""
