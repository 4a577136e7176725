-- An agent leaves its session: its live leases are released, its places in the queue given up, and it is not there any
-- more, so that its name, the planner's role and the tasks that it was at are free for others at once; nothing is written
-- to a task, which stays its own until somebody takes it. p_why says how: 'left', or 'ended' when its process died.
-- p_terminal is the terminal that goes, '' when it is not known. Where another terminal used the agent's name within two
-- minutes, the agent is that one's: it stays, with what it holds, and only the terminal that goes is forgotten.
-- Leaving again, or as nobody who was here, writes nothing. Whoever acts again joins again, without what it held.
-- Returns {agent_id, left, released}.
CREATE OR REPLACE FUNCTION coordination_leave_session(
    p_workspace text, p_session text, p_agent text, p_terminal text, p_why text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_terminals jsonb;
    v_released jsonb;
    v_left boolean;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    -- coordination_touch_agents takes no lock of a session; what it is about to write counts.
    SELECT a.terminals INTO v_terminals FROM claude_code_agents a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent
    FOR UPDATE;
    IF p_terminal <> '' AND EXISTS (
        SELECT FROM jsonb_each_text(v_terminals) t
        WHERE split_part(t.key, '|', 2) NOT IN ('', p_terminal)
          AND t.value::double precision > extract(epoch FROM v_now) - 120) THEN
        UPDATE claude_code_agents a
        SET terminals = (SELECT coalesce(jsonb_object_agg(t.key, t.value), '{}')
                         FROM jsonb_each(a.terminals) t WHERE split_part(t.key, '|', 2) <> p_terminal)
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent;
        RETURN jsonb_build_object('agent_id', p_agent, 'left', false, 'released', '[]'::jsonb);
    END IF;
    PERFORM coordination_leave_queue(p_workspace, p_session, w.ticket, 'released', v_now)
    FROM file_lock_waiters w
    WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.agent_id = p_agent;
    v_released := coordination_drop_locks(p_workspace, p_session, p_agent,
        ARRAY(SELECT l FROM file_locks l
              WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                AND l.expires_at > v_now), 'lock.released', '{}', v_now);
    UPDATE claude_code_agents a SET status = 'left', terminals = '{}'
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent AND a.status = 'connected';
    v_left := FOUND;
    IF v_left THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, 'agent.left',
            jsonb_build_object('why', p_why), '{}', v_now);
    END IF;
    RETURN jsonb_build_object('agent_id', p_agent, 'left', v_left, 'released', v_released);
END
$function$;
