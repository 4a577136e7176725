-- Who waits for whom in a session: one row for every live waiter (`ticket`) and every agent in its way, be it the
-- holder of a live lease that it conflicts with or the owner of an earlier live waiter that it conflicts with.
-- Every conflict is spelt out here instead of calling coordination_overlapping_locks and coordination_claims_conflict:
-- fifty waiters make over a thousand pairs, under the session's lock, and a call for each cost ten times as much.
CREATE OR REPLACE FUNCTION coordination_blockers_of(
    p_workspace text, p_session text, p_blocks_across boolean, p_now timestamptz
) RETURNS TABLE (ticket bigint, waiting text, blocking text)
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    RETURN QUERY
    WITH live AS MATERIALIZED (SELECT w.* FROM coordination_live_waiters(p_workspace, p_session, p_now) w)
    SELECT w.ticket, w.agent_id, l.agent_id::text
    FROM live w
    CROSS JOIN LATERAL (
        SELECT o.* FROM file_locks o
        WHERE o.workspace_id = p_workspace AND o.session_id = p_session AND o.path_key = ANY (w.probe)
        UNION ALL
        SELECT o.* FROM unnest(w.range_low, w.range_high) AS r(low, high)
        CROSS JOIN LATERAL (
            SELECT * FROM file_locks f
            WHERE f.workspace_id = p_workspace AND f.session_id = p_session
              AND f.path_key COLLATE "C" > r.low COLLATE "C" AND f.path_key COLLATE "C" < r.high COLLATE "C"
            OFFSET 0) o) l
    WHERE l.expires_at > p_now AND l.agent_id <> w.agent_id
      AND (w.operation <> 'read' OR l.operation <> 'read')
      AND (p_blocks_across OR w.checkout = l.checkout OR w.checkout = '' OR l.checkout = '')
    UNION
    SELECT w.ticket, w.agent_id, earlier.agent_id
    FROM live w
    JOIN live earlier ON earlier.ticket < w.ticket AND earlier.agent_id <> w.agent_id
     AND (w.operation <> 'read' OR earlier.operation <> 'read')
     AND (w.path_keys && earlier.probe OR earlier.path_keys && w.probe)
     AND (p_blocks_across OR w.checkout = earlier.checkout OR w.checkout = '' OR earlier.checkout = ''
          OR EXISTS (SELECT FROM unnest(w.path_keys) k WHERE k LIKE 'resource:%' AND k = ANY (earlier.probe))
          OR EXISTS (SELECT FROM unnest(earlier.path_keys) k WHERE k LIKE 'resource:%' AND k = ANY (w.probe)));
END
$function$;
