-- Whom the given agents wait for, one step: holders of live leases that their waiters conflict with, and owners of
-- earlier live waiters that their waiters conflict with. One row per pair.
CREATE OR REPLACE FUNCTION coordination_blockers_of(
    p_workspace text, p_session text, p_agents text[], p_blocks_across boolean, p_now timestamptz
) RETURNS TABLE (waiting text, blocking text)
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (SELECT w.* FROM coordination_live_waiters(p_workspace, p_session, p_now) w),
    asked AS MATERIALIZED (SELECT w.* FROM live w WHERE w.agent_id = ANY (p_agents))
    SELECT w.agent_id, l.agent_id::text
    FROM asked w
    CROSS JOIN LATERAL coordination_overlapping_locks(p_workspace, p_session, w.probe, w.range_low, w.range_high) l
    WHERE l.expires_at > p_now AND l.agent_id <> w.agent_id
      AND (w.operation <> 'read' OR l.operation <> 'read')
      AND (p_blocks_across OR w.checkout = l.checkout OR w.checkout = '' OR l.checkout = '')
    UNION
    SELECT w.agent_id, earlier.agent_id
    FROM asked w
    JOIN live earlier ON earlier.ticket < w.ticket AND earlier.agent_id <> w.agent_id
    WHERE coordination_claims_conflict(w.operation, w.checkout, w.path_keys, w.probe,
        earlier.operation, earlier.checkout, earlier.path_keys, earlier.probe, p_blocks_across);
END
$function$;
