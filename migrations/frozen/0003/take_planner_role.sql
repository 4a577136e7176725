-- Let an agent take the role of the planner, when it is free: no other agent that has it is there, which is to say
-- connected and heard of within ten minutes. Who had taken it before is an implementer again; who has it by its name
-- keeps it. An agent that has the role keeps it, and nothing is written.
-- Raises CO012 when the role is not free: who has it, and when it was last heard of. Null when there is no such agent.
CREATE OR REPLACE FUNCTION coordination_take_planner_role(
    p_workspace text, p_session text, p_by text, p_agent text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_role text;
    v_there record;
    v_taken_from text[];
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    -- In the order of coordination_touch_agents, which takes no lock of a session: the two cannot deadlock.
    PERFORM FROM claude_code_agents a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND (a.id = p_agent OR a.role = 'planner')
    ORDER BY a.id FOR UPDATE;
    SELECT a.role INTO v_role FROM claude_code_agents a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF v_role = 'planner' THEN
        RETURN jsonb_build_object('agent_id', p_agent, 'role', 'planner', 'changed', false, 'taken_from', '[]'::jsonb);
    END IF;
    SELECT a.id AS agent_id, a.last_activity AS last_heard_of INTO v_there
    FROM claude_code_agents a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.role = 'planner'
      AND a.status = 'connected' AND a.last_activity > v_now - interval '10 minutes'
    ORDER BY a.last_activity DESC, a.id LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'the role is taken' USING ERRCODE = 'CO012',
            DETAIL = (to_jsonb(v_there) || jsonb_build_object('session', p_session))::text;
    END IF;
    WITH given_up AS (
        UPDATE claude_code_agents a SET role = 'implementer'
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.role = 'planner'
          AND a.name IS DISTINCT FROM 'planner'
        RETURNING a.id)
    SELECT coalesce(array_agg(g.id::text ORDER BY g.id), '{}') INTO v_taken_from FROM given_up g;
    UPDATE claude_code_agents a SET role = 'planner'
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent;
    PERFORM coordination_append_event(p_workspace, p_session, p_by, 'role.taken',
        jsonb_build_object('agent', p_agent, 'taken_from', to_jsonb(v_taken_from)), p_agent || v_taken_from, v_now);
    RETURN jsonb_build_object('agent_id', p_agent, 'role', 'planner', 'changed', true,
        'taken_from', to_jsonb(v_taken_from));
END
$function$;
