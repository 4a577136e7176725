-- A waiting call ended because its client went away: leave the queue, and give back what a grant that raced the
-- disconnect brought (exactly those tokens). Returns what was given back.
CREATE OR REPLACE FUNCTION coordination_cancel_wait(
    p_workspace text, p_session text, p_agent text, p_ticket bigint, p_tokens bigint[]
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    IF p_ticket IS NOT NULL THEN
        PERFORM coordination_leave_queue(p_workspace, p_session, p_ticket, 'cancelled', v_now);
    END IF;
    RETURN coordination_drop_locks(p_workspace, p_session, p_agent,
        ARRAY(SELECT l FROM file_locks l
              WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                AND l.fencing_token = ANY (p_tokens)), 'lock.released', '{}', v_now);
END
$function$;
