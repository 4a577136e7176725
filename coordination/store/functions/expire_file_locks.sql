-- Remove what has ended in one session: expired leases (with their lock.expired) and dead waiters (waiter.left).
-- Correctness never depends on it: expired is free at once for everybody. It keeps tables small and tells holders.
CREATE OR REPLACE FUNCTION coordination_expire_file_locks(p_workspace text, p_session text) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_expired file_locks[];
    v_ticket bigint;
    v_count integer;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    v_expired := ARRAY(
        SELECT l FROM file_locks l
        WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.expires_at <= v_now
        ORDER BY l.expires_at LIMIT 500);
    v_count := cardinality(v_expired);
    IF v_count > 0 THEN
        PERFORM coordination_remove_expired(p_workspace, p_session, v_expired, v_now);
    END IF;
    FOR v_ticket IN
        SELECT w.ticket FROM file_lock_waiters w
        WHERE w.workspace_id = p_workspace AND w.session_id = p_session
          AND w.ticket NOT IN (SELECT alive.ticket FROM coordination_live_waiters(p_workspace, p_session, v_now) alive)
        ORDER BY w.ticket
    LOOP
        PERFORM coordination_leave_queue(p_workspace, p_session, v_ticket, 'died', v_now);
        v_count := v_count + 1;
    END LOOP;
    RETURN v_count;
END
$function$;
