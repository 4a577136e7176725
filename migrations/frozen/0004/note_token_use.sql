-- Write when tokens were last used, for a batch, apart from every decision. p_tokens is a JSON array of
-- {workspace, id, seconds_ago}. A crash may lose the last minute of it.
CREATE OR REPLACE FUNCTION coordination_note_token_use(p_tokens jsonb) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    -- Rows are locked in key order, so that two servers that note the same tokens cannot deadlock.
    PERFORM FROM agent_tokens t
    JOIN jsonb_array_elements(p_tokens) u ON t.workspace_id = u->>'workspace' AND t.id = u->>'id'
    ORDER BY t.workspace_id, t.id
    FOR UPDATE OF t;
    UPDATE agent_tokens t
    SET last_used_at = greatest(t.last_used_at, v_now - make_interval(secs => used.seconds_ago))
    FROM (SELECT u->>'workspace' AS workspace, u->>'id' AS id, (u->>'seconds_ago')::double precision AS seconds_ago
          FROM jsonb_array_elements(p_tokens) u) used
    WHERE t.workspace_id = used.workspace AND t.id = used.id;
END
$function$;
