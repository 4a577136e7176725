-- Keep an analysis under its id, and no more than twenty of a session: the oldest go.
-- Raises what coordination_enter_session raises.
CREATE OR REPLACE FUNCTION coordination_keep_analysis(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_actor jsonb, p_id text, p_analysis jsonb
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
BEGIN
    SELECT e.entered_at INTO v_now
    FROM coordination_enter_session(p_workspace, p_session, p_agent, p_checkout, p_actor) e;
    INSERT INTO plan_analyses (workspace_id, session_id, id, agent_id, analysis, created_at)
    VALUES (p_workspace, p_session, p_id, p_agent, p_analysis, v_now)
    ON CONFLICT (workspace_id, session_id, id) DO UPDATE SET created_at = v_now, agent_id = excluded.agent_id;
    DELETE FROM plan_analyses a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id IN (
        SELECT o.id FROM plan_analyses o WHERE o.workspace_id = p_workspace AND o.session_id = p_session
        ORDER BY o.created_at DESC, o.id OFFSET 20);
    RETURN to_jsonb(p_id);
END
$function$;
