-- The caller's live leases that a renew or release names, and the named ones that are not live grants of the caller.
-- p_keys null means all of them. p_tokens, parallel to p_keys, pins the exact grants (REST, daemon, hooks); without
-- it the caller's own live grant on each path counts (MCP, where the server knows the tokens). p_row is
-- null::file_locks: it names the row type.
-- Each key is looked up by itself, behind a fence: without statistics the planner would read all leases of the session
-- or of the agent, or all that have not ended.
CREATE OR REPLACE FUNCTION coordination_own_locks(
    p_row anyelement, p_workspace text, p_session text, p_agent text, p_checkout text, p_keys text[], p_tokens bigint[],
    p_now timestamptz, OUT held anyarray, OUT lost text[]
) LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with, nor what p_row is for:
-- @plpgsql_check_options: anyelementtype = public.file_locks, extra_warnings = off
BEGIN
    IF p_keys IS NULL THEN
        held := ARRAY(SELECT l FROM file_locks l
                      WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = p_agent
                        AND l.expires_at > p_now);
        lost := '{}';
        RETURN;
    END IF;
    held := ARRAY(
        SELECT l.lock
        FROM unnest(p_keys, coalesce(p_tokens, array_fill(NULL::bigint, ARRAY[cardinality(p_keys)]))) AS named(key, token)
        CROSS JOIN LATERAL (
            SELECT f AS lock FROM file_locks f
            WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.path_key = named.key
            OFFSET 0) l
        WHERE (l.lock).agent_id = p_agent AND (l.lock).expires_at > p_now
          AND CASE WHEN p_tokens IS NULL THEN (l.lock).checkout = p_checkout OR (l.lock).path_key LIKE 'resource:%'
                   ELSE (l.lock).fencing_token = named.token END);
    lost := ARRAY(SELECT k FROM unnest(p_keys) k WHERE k <> ALL (ARRAY(SELECT h.path_key FROM unnest(held) h)));
END
$function$;
