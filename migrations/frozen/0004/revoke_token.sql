-- Let a token work no more; p_user confines it to that user's own. Returns whether there was one that still worked.
CREATE OR REPLACE FUNCTION coordination_revoke_token(p_workspace text, p_id text, p_user text) RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    PERFORM coordination_lock_workspace(p_workspace);
    UPDATE agent_tokens t SET revoked_at = clock_timestamp()
    WHERE t.workspace_id = p_workspace AND t.id = p_id AND (p_user IS NULL OR t.user_id = p_user)
      AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > clock_timestamp());
    RETURN FOUND;
END
$function$;
