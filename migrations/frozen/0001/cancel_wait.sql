-- A waiting call, named by its request, ended because its client went away: take back what it left behind. Its place
-- goes unless another request of the agent waits in it too (a call that was sent again); its grant goes unless the
-- agent has claimed or renewed it since, because then an answer that arrived says so. Returns what was given back.
CREATE OR REPLACE FUNCTION coordination_cancel_wait(p_workspace text, p_session text, p_agent text, p_request text)
RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_place record;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    FOR v_place IN
        UPDATE file_lock_waiters w SET request_ids = array_remove(w.request_ids, p_request)
        WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.agent_id = p_agent
          AND p_request = ANY (w.request_ids)
        RETURNING w.ticket, w.request_ids
    LOOP
        IF v_place.request_ids = '{}' THEN
            PERFORM coordination_leave_queue(p_workspace, p_session, v_place.ticket, 'cancelled', v_now);
        END IF;
    END LOOP;
    RETURN coordination_drop_locks(p_workspace, p_session, p_agent,
        ARRAY(SELECT l FROM file_locks l
              WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                AND l.request_id = p_request), 'lock.released', '{}', v_now);
END
$function$;
