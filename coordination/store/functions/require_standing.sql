-- Refuse who may not see to a workspace any more: p_by, by the token p_token where it is not null. The service asked
-- before, and what it remembers may be a second old; here the workspace is locked, so what is found holds until the end.
-- p_owner asks for an owner. Returns when the token ends, null when it does not. Raises CO015.
CREATE OR REPLACE FUNCTION coordination_require_standing(p_workspace text, p_by text, p_token text, p_owner boolean)
RETURNS timestamptz
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_ends timestamptz;
BEGIN
    PERFORM FROM workspace_members m
    WHERE m.workspace_id = p_workspace AND m.user_id = p_by AND (m.role = 'owner' OR NOT p_owner);
    IF FOUND AND p_token IS NOT NULL THEN
        SELECT t.expires_at INTO v_ends FROM agent_tokens t
        WHERE t.workspace_id = p_workspace AND t.id = p_token AND t.user_id = p_by AND t.revoked_at IS NULL
          AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp());
    END IF;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no standing' USING ERRCODE = 'CO015', DETAIL = '{}';
    END IF;
    RETURN v_ends;
END
$function$;
