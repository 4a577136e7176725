-- Remove invitations that nobody took and tokens that ended, by their time or revoked, thirty days after their end: until
-- then whoever looks into what became of one finds it. At most p_most of each; who changes one at this moment is not
-- waited for. Returns how many went.
CREATE OR REPLACE FUNCTION coordination_sweep_credentials(p_most integer) RETURNS integer
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_before timestamptz := clock_timestamp() - interval '30 days';
    v_invitations integer;
    v_tokens integer;
BEGIN
    DELETE FROM workspace_invitations i USING (
        SELECT o.workspace_id, o.id FROM workspace_invitations o
        WHERE o.expires_at < v_before LIMIT p_most FOR UPDATE SKIP LOCKED) past
    WHERE i.workspace_id = past.workspace_id AND i.id = past.id;
    GET DIAGNOSTICS v_invitations = ROW_COUNT;
    DELETE FROM agent_tokens t USING (
        SELECT o.workspace_id, o.id FROM agent_tokens o
        WHERE least(o.expires_at, o.revoked_at) < v_before LIMIT p_most FOR UPDATE SKIP LOCKED) past
    WHERE t.workspace_id = past.workspace_id AND t.id = past.id;
    GET DIAGNOSTICS v_tokens = ROW_COUNT;
    RETURN v_invitations + v_tokens;
END
$function$;
