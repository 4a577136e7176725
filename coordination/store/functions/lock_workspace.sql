-- Take the lock that serialises every change of a workspace's members, invitations and tokens, until the transaction
-- ends. Whoever authenticates does not wait for it.
CREATE OR REPLACE FUNCTION coordination_lock_workspace(p_workspace text) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'coordination functions need READ COMMITTED, not %', current_setting('transaction_isolation')
            USING ERRCODE = 'invalid_transaction_state',
                  HINT = 'Unset default_transaction_isolation for the role or database of this service.';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended(p_workspace, 20261122));
END
$function$;
