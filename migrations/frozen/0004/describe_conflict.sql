-- What a refused claim is told: up to twenty conflicts (leases first, then up to ten places in the queue that it
-- must let pass), how many there are, its place in the queue, and how long until the first of the leases ends by itself.
CREATE OR REPLACE FUNCTION coordination_describe_conflict(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_operation text, p_paths text[], p_keys text[],
    p_probe text[], p_found anyarray, p_holders text[], p_ahead text[], p_ticket bigint,
    p_blocks_across boolean, p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.file_locks
DECLARE
    v_conflicts jsonb;
    v_total bigint;
    v_next_expiry double precision;
    v_queued jsonb := '[]'::jsonb;
    v_position bigint := 1;
BEGIN
    WITH blocking AS MATERIALIZED (
        SELECT f AS lock FROM unnest(p_found) f
        WHERE f.agent_id = ANY (p_holders) AND f.expires_at > p_now
          AND (p_operation <> 'read' OR f.operation <> 'read')
          AND (p_blocks_across OR f.checkout = p_checkout OR f.checkout = '' OR p_checkout = ''))
    SELECT count(*), min(extract(epoch FROM (b.lock).expires_at - p_now)),
           coalesce((SELECT jsonb_agg(coordination_describe_lock(c.lock, p_now)
                                      || jsonb_build_object('wanted', wanted.path))
                     FROM (SELECT * FROM blocking ORDER BY (blocking.lock).path_key LIMIT 20) c
                     CROSS JOIN LATERAL (
                         SELECT w.path FROM unnest(p_paths, p_keys) WITH ORDINALITY AS w(path, key, position)
                         WHERE coordination_keys_overlap(w.key, (c.lock).path_key)
                         ORDER BY w.key = (c.lock).path_key DESC, w.position LIMIT 1) wanted), '[]')
    INTO v_total, v_next_expiry, v_conflicts FROM blocking b;

    IF EXISTS (SELECT FROM file_lock_waiters w WHERE w.workspace_id = p_workspace AND w.session_id = p_session) THEN
        WITH earlier AS MATERIALIZED (
            SELECT w.* FROM coordination_live_waiters(p_workspace, p_session, p_now) w
            WHERE w.agent_id <> p_agent AND (p_ticket IS NULL OR w.ticket < p_ticket)
              AND coordination_claims_conflict(p_operation, p_checkout, p_keys, p_probe,
                  w.operation, w.checkout, w.path_keys, w.probe, p_blocks_across))
        SELECT 1 + count(*),
               coalesce((SELECT jsonb_agg(jsonb_build_object('agent_id', w.agent_id, 'operation', w.operation,
                                    'paths', to_jsonb(w.paths[1:3]), 'queued_at', w.queued_at,
                                    'wanted', met.wanted, 'awaited', met.awaited) ORDER BY w.ticket)
                         FROM (SELECT * FROM earlier e WHERE e.agent_id = ANY (p_ahead) ORDER BY e.ticket LIMIT 10) w
                         CROSS JOIN LATERAL (
                             -- Where the two meet: the waiter's first path that covers one of this claim, or this
                             -- claim's first path that covers one of the waiter's.
                             SELECT mine.path AS wanted, theirs.path AS awaited
                             FROM (SELECT t.* FROM unnest(w.paths, w.path_keys) AS t(path, key)
                                   WHERE t.key = ANY (p_probe) LIMIT 1) theirs
                             JOIN unnest(p_paths, p_keys) AS mine(path, key)
                               ON coordination_keys_overlap(mine.key, theirs.key)
                             UNION ALL
                             SELECT mine.path, theirs.path
                             FROM (SELECT m.* FROM unnest(p_paths, p_keys) AS m(path, key)
                                   WHERE m.key = ANY (w.probe) LIMIT 1) mine
                             JOIN unnest(w.paths, w.path_keys) AS theirs(path, key)
                               ON coordination_keys_overlap(mine.key, theirs.key)
                             LIMIT 1) met), '[]')
        INTO v_position, v_queued FROM earlier;
    END IF;
    RETURN jsonb_build_object('outcome', 'held', 'now', p_now, 'conflicts', v_conflicts, 'conflict_count', v_total,
        'ahead', v_queued, 'queue_position', v_position, 'ticket', p_ticket, 'next_expiry_seconds', v_next_expiry);
END
$function$;
