-- Keep a token of a member, by the SHA-256 of its secret. Returns what is known of it; null when the user is no member,
-- or one who may not have such scopes: a viewer's token does not write. p_token is the token that p_by came with, null for
-- who logged in: what is made by a token ends with it at the latest. Raises CO015 when p_by may not make it any more,
-- and CO016 when the workspace has as many as it may.
CREATE OR REPLACE FUNCTION coordination_create_token(
    p_workspace text, p_by text, p_token text, p_id text, p_digest bytea, p_user text, p_session text, p_agent text,
    p_role text, p_scopes text[], p_label text, p_seconds double precision
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_ends timestamptz;
    v_token agent_tokens;
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    v_now := clock_timestamp();
    v_ends := coordination_require_standing(p_workspace, p_by, p_token, p_by <> p_user);
    PERFORM FROM workspace_members m
    WHERE m.workspace_id = p_workspace AND m.user_id = p_user AND (m.role <> 'viewer' OR 'write' <> ALL (p_scopes));
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    PERFORM coordination_require_room(p_workspace, 'tokens');
    INSERT INTO agent_tokens (workspace_id, id, digest, user_id, session_id, agent_name, role, scopes, label,
                              created_by, created_at, expires_at)
    VALUES (p_workspace, p_id, p_digest, p_user, p_session, p_agent, p_role, p_scopes, p_label,
            p_by, v_now, least(v_now + make_interval(secs => p_seconds), v_ends))
    RETURNING * INTO v_token;
    RETURN coordination_describe_token(v_token);
END
$function$;
