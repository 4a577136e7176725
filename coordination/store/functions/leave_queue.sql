-- Give up a place in the queue and record why ('granted', 'released', 'cancelled', 'died'). Called under the session's lock.
CREATE OR REPLACE FUNCTION coordination_leave_queue(
    p_workspace text, p_session text, p_ticket bigint, p_why text, p_now timestamptz
) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_agent text;
    v_paths text[];
BEGIN
    DELETE FROM file_lock_waiters w
    WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.ticket = p_ticket
    RETURNING w.agent_id, w.paths INTO v_agent, v_paths;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM coordination_append_event(p_workspace, p_session, v_agent, 'waiter.left',
        jsonb_build_object('ticket', p_ticket, 'why', p_why, 'paths', to_jsonb(v_paths)), '{}', p_now);
    RETURN true;
END
$function$;
