-- Take the lock that serialises every writer of one session, until the transaction ends.
-- Transaction-level on purpose: a session-level advisory lock would leak through a transaction pooler.
CREATE OR REPLACE FUNCTION coordination_lock_session(p_workspace text, p_session text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'coordination functions need READ COMMITTED, not %', current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state',
                  HINT = 'Unset default_transaction_isolation for the role or database of this service.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_session, hashtextextended(p_workspace, 20261121)));
END
$function$;
