-- Who is here, doing what, holding or waiting for what: one page of agents by id, who waits for whom, overlaps
-- between checkouts, and totals. Reads only, from one snapshot. Null when the session does not exist.
CREATE OR REPLACE FUNCTION coordination_session_status(
    p_workspace text, p_session text, p_agent text, p_include_inactive boolean, p_after text, p_limit integer
) RETURNS jsonb
LANGUAGE sql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
    WITH clock AS MATERIALIZED (SELECT clock_timestamp() AS now),
    session AS (
        SELECT s.* FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session),
    agents AS MATERIALIZED (
        SELECT a.*, clock.now - a.last_activity AS quiet,
               (SELECT count(*) FROM file_locks l
                WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.agent_id = a.id
                  AND l.expires_at > clock.now) AS lock_count
        FROM claude_code_agents a CROSS JOIN clock
        WHERE a.workspace_id = p_workspace AND a.session_id = p_session),
    shown AS MATERIALIZED (
        SELECT a.* FROM agents a
        WHERE (p_agent IS NULL OR a.id = p_agent OR a.name = p_agent)
          AND (p_include_inactive OR p_agent IS NOT NULL OR a.lock_count > 0
               OR a.status = 'connected' AND a.quiet <= interval '10 minutes')
          AND (p_after IS NULL OR a.id > p_after)
        ORDER BY a.id LIMIT p_limit + 1),
    live AS MATERIALIZED (
        SELECT w.* FROM clock CROSS JOIN LATERAL coordination_live_waiters(p_workspace, p_session, clock.now) w)
    SELECT jsonb_build_object(
        'now', clock.now, 'session', session.id, 'status', session.status,
        'across_checkouts', session.across_checkouts,
        'agents', (
            SELECT coalesce(jsonb_agg(jsonb_build_object(
                'agent_id', a.id, 'user', a.user_id, 'name', a.name, 'role', a.role, 'client', a.client,
                'status', a.status, 'quiet_seconds', extract(epoch FROM a.quiet),
                'checkout', a.checkout, 'checkout_root', a.checkout_root, 'terminals', a.terminals,
                'listed_at', a.tools_listed_at, 'called_at', a.tools_called_at, 'lock_count', a.lock_count,
                'locks', (
                    SELECT coalesce(jsonb_agg(coordination_describe_lock(l, clock.now) ORDER BY l.path_key), '[]')
                    FROM (SELECT * FROM file_locks f
                          WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.agent_id = a.id
                            AND f.expires_at > clock.now
                          ORDER BY f.path_key LIMIT 20) l),
                'waiting', (
                    SELECT coalesce(jsonb_agg(jsonb_build_object('paths', to_jsonb(w.paths[1:5]),
                               'path_count', cardinality(w.paths), 'operation', w.operation,
                               'since', w.queued_at, 'ticket', w.ticket, 'parked', w.parked_until IS NOT NULL)
                               ORDER BY w.ticket), '[]')
                    FROM live w WHERE w.agent_id = a.id),
                'task', (
                    SELECT jsonb_build_object('task_id', p.task_id, 'status', p.status,
                               'progress_percentage', p.progress_percentage, 'message', p.message,
                               'updated_at', p.updated_at)
                    FROM task_progress p
                    LEFT JOIN tasks t ON t.workspace_id = p_workspace AND t.session_id = p_session AND t.id = p.task_id
                    WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.agent_id = a.id
                      AND coalesce(t.agent_id, a.id) = a.id  -- not what another agent has taken over
                    ORDER BY p.status IN ('started', 'in_progress', 'blocked') DESC, p.updated_at DESC LIMIT 1))
                ORDER BY a.id), '[]')
            FROM shown a),
        'waits', (
            SELECT coalesce(jsonb_agg(jsonb_build_object('waiting', b.waiting, 'blocking', b.blocking)), '[]')
            FROM (SELECT DISTINCT o.waiting, o.blocking
                  FROM coordination_blockers_of(p_workspace, p_session, session.across_checkouts = 'block',
                           clock.now) o
                  ORDER BY o.waiting, o.blocking LIMIT 100) b),
        'overlaps', (
            SELECT coalesce(jsonb_agg(o.overlap), '[]')
            FROM (SELECT jsonb_build_object('path', a.file_path, 'agent_id', a.agent_id, 'other_path', b.file_path,
                             'other_agent_id', b.agent_id) AS overlap
                  FROM file_locks a
                  JOIN file_locks b ON b.workspace_id = a.workspace_id AND b.session_id = a.session_id
                   AND coordination_keys_overlap(a.path_key, b.path_key)
                   AND b.checkout > a.checkout AND b.agent_id <> a.agent_id
                   AND b.expires_at > clock.now AND (b.operation <> 'read' OR a.operation <> 'read')
                  WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.expires_at > clock.now
                    AND a.checkout <> ''
                  ORDER BY a.path_key LIMIT 10) o),
        'totals', jsonb_build_object(
            'agents', (SELECT count(*) FROM agents),
            'active', (SELECT count(*) FROM agents a
                       WHERE a.status = 'connected' AND a.quiet <= interval '2 minutes'),
            'recent', (SELECT count(*) FROM agents a
                       WHERE a.status = 'connected' AND a.quiet > interval '2 minutes'
                         AND a.quiet <= interval '10 minutes'),
            'locks', (SELECT coalesce(sum(a.lock_count), 0) FROM agents a),
            'waiting', (SELECT count(*) FROM live),
            'tasks', (SELECT coalesce(jsonb_object_agg(t.status, t.number), '{}')
                      FROM (SELECT status, count(*) AS number FROM tasks
                            WHERE workspace_id = p_workspace AND session_id = p_session GROUP BY status) t),
            'last_event', (SELECT coalesce(max(e.seq), 0) FROM coordination_events e
                           WHERE e.workspace_id = p_workspace AND e.session_id = p_session)))
    FROM session CROSS JOIN clock;
$function$;
