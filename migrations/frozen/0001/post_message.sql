-- A message from a person, who is no agent of the session. Raises CO004 (unknown recipient), CO007 (no such session).
CREATE OR REPLACE FUNCTION coordination_post_message(
    p_workspace text, p_session text, p_from text, p_text text, p_to text[]
) RETURNS text[]
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    IF NOT EXISTS (SELECT FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session) THEN
        RAISE EXCEPTION 'no such session' USING ERRCODE = 'CO007';
    END IF;
    RETURN coordination_send_message(p_workspace, p_session, p_from, p_text, p_to, clock_timestamp());
END
$function$;
