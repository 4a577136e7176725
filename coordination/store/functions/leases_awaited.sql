-- The live leases that the paths of live waiters overlap: one row for every waiter (`ticket`) and kind of lease.
-- Each key and each range that waiters have in common is looked up once. No index is named, so the plan must not see
-- another condition that an index could serve: the end of a lease is compared outside.
CREATE OR REPLACE FUNCTION coordination_leases_awaited(p_workspace text, p_session text, p_now timestamptz)
RETURNS TABLE (ticket bigint, agent_id text, operation text, checkout text)
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (
        SELECT w.ticket, w.probe, w.range_low, w.range_high
        FROM coordination_live_waiters(p_workspace, p_session, p_now) w),
    probing AS (
        SELECT k.key, array_agg(w.ticket) AS tickets
        FROM live w CROSS JOIN LATERAL unnest(w.probe) AS k(key) GROUP BY k.key),
    covering AS (
        SELECT r.low, r.high, array_agg(w.ticket) AS tickets
        FROM live w CROSS JOIN LATERAL unnest(w.range_low, w.range_high) AS r(low, high) GROUP BY r.low, r.high)
    SELECT unnest(p.tickets), l.agent_id::text, l.operation::text, l.checkout::text
    FROM probing p
    CROSS JOIN LATERAL (
        SELECT * FROM file_locks f
        WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.path_key = p.key
        OFFSET 0) l
    WHERE l.expires_at > p_now
    UNION
    SELECT unnest(c.tickets), l.agent_id::text, l.operation::text, l.checkout::text
    FROM covering c
    CROSS JOIN LATERAL (
        SELECT * FROM file_locks f
        WHERE f.workspace_id = p_workspace AND f.session_id = p_session
          AND f.path_key COLLATE "C" > c.low COLLATE "C" AND f.path_key COLLATE "C" < c.high COLLATE "C"
        OFFSET 0) l
    WHERE l.expires_at > p_now;
END
$function$;
