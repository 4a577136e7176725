-- Begin a session as a person's act, before any agent joined; whoever joins then finds it there. When it is there
-- already, nothing changes. Returns whether it was not.
CREATE OR REPLACE FUNCTION coordination_begin_session(p_workspace text, p_session text, p_by text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    INSERT INTO claude_code_sessions (workspace_id, id, name, user_id) VALUES (p_workspace, p_session, p_session, p_by)
    ON CONFLICT (workspace_id, id) DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM coordination_append_event(p_workspace, p_session, p_by, 'session.created', '{}', '{}', clock_timestamp());
    RETURN true;
END
$function$;
