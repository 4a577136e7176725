-- Make an agent that had taken the role of the planner an implementer again. Who has the role by its name keeps it, and
-- of an implementer nothing is written. Null when there is no such agent.
CREATE OR REPLACE FUNCTION coordination_give_planner_role_back(
    p_workspace text, p_session text, p_by text, p_agent text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_changed boolean;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    UPDATE claude_code_agents a SET role = 'implementer'
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent AND a.role = 'planner'
      AND a.name IS DISTINCT FROM 'planner';
    v_changed := FOUND;
    IF v_changed THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_by, 'role.returned',
            jsonb_build_object('agent', p_agent), ARRAY[p_agent], clock_timestamp());
    END IF;
    RETURN (SELECT jsonb_build_object('agent_id', a.id, 'role', a.role, 'changed', v_changed,
                'taken_from', '[]'::jsonb)
            FROM claude_code_agents a
            WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent);
END
$function$;
