-- Who waits for whom in a session: one row for every live waiter (`ticket`) and every agent in its way, be it the
-- holder of a live lease that it conflicts with or the agent of an earlier live waiter that it conflicts with.
-- The conflict is spelt out here instead of calling coordination_claims_conflict: fifty waiters make over a thousand
-- pairs, under the session's lock, and a call for each cost ten times as much.
CREATE OR REPLACE FUNCTION coordination_blockers_of(
    p_workspace text, p_session text, p_blocks_across boolean, p_now timestamptz
) RETURNS TABLE (ticket bigint, waiting text, blocking text)
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT w.ticket, w.agent_id, w.operation, w.checkout
        FROM coordination_live_waiters(p_workspace, p_session, p_now) w)
    SELECT w.ticket, w.agent_id, l.agent_id
    FROM coordination_leases_awaited(p_workspace, p_session, p_now) l
    JOIN live w ON w.ticket = l.ticket
    WHERE l.agent_id <> w.agent_id
      AND (w.operation <> 'read' OR l.operation <> 'read')
      AND (p_blocks_across OR w.checkout = l.checkout OR w.checkout = '' OR l.checkout = '')
    UNION
    SELECT w.ticket, w.agent_id, earlier.agent_id
    FROM coordination_overlapping_waiters(p_workspace, p_session, p_now) o
    JOIN live w ON w.ticket = o.later
    JOIN live earlier ON earlier.ticket = o.earlier
    WHERE earlier.agent_id <> w.agent_id
      AND (w.operation <> 'read' OR earlier.operation <> 'read')
      AND (p_blocks_across OR w.checkout = earlier.checkout OR w.checkout = '' OR earlier.checkout = '' OR o.everywhere);
END
$function$;
