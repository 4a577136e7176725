-- The caller's own place in the queue for exactly this claim (null when it has none), and the agents it must let
-- pass first: those of earlier live waiters that it conflicts with. A waiter that itself waits for the caller,
-- directly or through others, is let past: yielding to it would block both for ever.
CREATE OR REPLACE FUNCTION coordination_agents_ahead(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_operation text, p_keys text[], p_probe text[],
    p_blocks_across boolean, p_now timestamptz, OUT ticket bigint, OUT ahead text[]
) LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_tickets bigint[];
    v_agents text[];
BEGIN
    SELECT w.ticket INTO ticket
    FROM coordination_live_waiters(p_workspace, p_session, p_now) w
    WHERE w.agent_id = p_agent AND w.checkout = p_checkout AND w.operation = p_operation AND w.path_keys = p_keys;
    SELECT coalesce(array_agg(w.ticket), '{}'), coalesce(array_agg(w.agent_id), '{}') INTO v_tickets, v_agents
    FROM coordination_live_waiters(p_workspace, p_session, p_now) w
    WHERE w.agent_id <> p_agent
      AND (coordination_agents_ahead.ticket IS NULL OR w.ticket < coordination_agents_ahead.ticket)
      AND coordination_claims_conflict(p_operation, p_checkout, p_keys, p_probe,
          w.operation, w.checkout, w.path_keys, w.probe, p_blocks_across);
    -- Nobody can wait for an agent that neither holds nor awaits anything, so the search is skipped then.
    IF cardinality(v_tickets) > 0 AND (
        -- Compared outside, or the plan may read every live lease by the index on their ends.
        EXISTS (SELECT FROM (SELECT f.expires_at FROM file_locks f
                             WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.agent_id = p_agent
                             OFFSET 0) l
                WHERE l.expires_at > p_now)
        OR EXISTS (SELECT FROM file_lock_waiters w WHERE w.workspace_id = p_workspace AND w.session_id = p_session
                   AND w.agent_id = p_agent))
    THEN
        ahead := ARRAY(
            WITH RECURSIVE edge AS MATERIALIZED (
                SELECT b.* FROM coordination_blockers_of(p_workspace, p_session, p_blocks_across, p_now) b),
            behind(agent) AS (
                SELECT p_agent UNION SELECT e.waiting FROM edge e JOIN behind ON behind.agent = e.blocking)
            SELECT DISTINCT c.agent FROM unnest(v_tickets, v_agents) AS c(ticket, agent)
            WHERE NOT EXISTS (SELECT FROM edge e JOIN behind ON behind.agent = e.blocking WHERE e.ticket = c.ticket));
    ELSE
        ahead := ARRAY(SELECT DISTINCT a FROM unnest(v_agents) a);
    END IF;
END
$function$;
