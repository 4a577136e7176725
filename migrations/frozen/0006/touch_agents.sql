-- Write presence for a batch of agents, apart from every decision. p_agents is a JSON array of {workspace, session,
-- agent, seen_seconds_ago, listed, called, terminal}; `terminal` names the checkout and terminal the call came from,
-- or is null. Returns the agents that exist, with the terminals that used their name within two minutes.
CREATE OR REPLACE FUNCTION coordination_touch_agents(p_agents jsonb)
RETURNS TABLE (workspace text, session text, agent text, terminals jsonb)
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz := clock_timestamp();
BEGIN
    -- A crash may lose the last second of presence; no claim shall wait for the disk because of it.
    PERFORM set_config('synchronous_commit', 'off', true);
    -- Rows are locked in key order, so that two servers that touch the same agents cannot deadlock.
    PERFORM FROM claude_code_agents a
    JOIN jsonb_array_elements(p_agents) t
      ON a.workspace_id = t->>'workspace' AND a.session_id = t->>'session' AND a.id = t->>'agent'
    ORDER BY a.workspace_id, a.session_id, a.id
    FOR UPDATE OF a;
    RETURN QUERY
    UPDATE claude_code_agents a
    SET last_activity = greatest(a.last_activity, v_now - make_interval(secs => seen.seconds_ago)),
        -- Whoever was quiet for so long has let go of its checkout, unless it still holds a lease there; being heard of
        -- does not take it back from a session that has joined there meanwhile, the next call decides (join_session).
        checkout = CASE WHEN a.last_activity > v_now - interval '10 minutes'
                          OR EXISTS (SELECT FROM file_locks l
                                     WHERE l.workspace_id = a.workspace_id AND l.session_id = a.session_id
                                       AND l.agent_id = a.id AND l.checkout = a.checkout AND l.expires_at > v_now)
                        THEN a.checkout ELSE '' END,
        tools_listed_at = CASE WHEN seen.listed THEN v_now ELSE a.tools_listed_at END,
        tools_called_at = CASE WHEN seen.called THEN v_now ELSE a.tools_called_at END,
        -- Of an agent that left it is known that no terminal uses its name; what was seen before is written late.
        terminals = CASE WHEN a.status = 'left' THEN '{}' ELSE (
            SELECT coalesce(jsonb_object_agg(k.terminal, k.at), '{}')
            FROM (SELECT o.key AS terminal, o.value::text::double precision AS at
                  FROM jsonb_each(a.terminals) o WHERE o.key IS DISTINCT FROM seen.terminal
                  UNION ALL
                  SELECT seen.terminal, extract(epoch FROM v_now)::double precision
                  WHERE seen.terminal IS NOT NULL) k
            WHERE k.at > extract(epoch FROM v_now) - 120) END
    FROM (SELECT t->>'workspace' AS workspace, t->>'session' AS session, t->>'agent' AS agent,
                 (t->>'seen_seconds_ago')::double precision AS seconds_ago, (t->>'listed')::boolean AS listed,
                 (t->>'called')::boolean AS called, t->>'terminal' AS terminal
          FROM jsonb_array_elements(p_agents) t) seen
    WHERE a.workspace_id = seen.workspace AND a.session_id = seen.session AND a.id = seen.agent
    RETURNING a.workspace_id, a.session_id::text, a.id::text, a.terminals;
END
$function$;
