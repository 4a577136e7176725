-- What happened since the agent's last sync that concerns it: events that name it, and claims and losses of others on
-- files that its open tasks or its places in the queue name. Each item carries its event number; the cursor moves only
-- when the answer was delivered (coordination_confirm_news), so an item may repeat and is never missing.
-- One answer looks at about a thousand events and locks, whatever is in them: 'more' says that it stopped early. Of many
-- locks in one event it carries twenty ('lock_count' says how many there are).
CREATE OR REPLACE FUNCTION coordination_read_news(
    p_workspace text, p_session text, p_agent text, p_limit integer
) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_cursor bigint;
    v_interest text[];
    v_covering text[];
    v_event coordination_events;
    v_locks jsonb;
    v_items jsonb := '[]'::jsonb;
    v_looked_at integer := 0;
BEGIN
    SELECT a.news_seq INTO v_cursor FROM claude_code_agents a
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent;
    v_interest := ARRAY(
        SELECT unnest(p.affected_keys) FROM task_progress p
        WHERE p.workspace_id = p_workspace AND p.session_id = p_session AND p.agent_id = p_agent
          AND p.status IN ('started', 'in_progress', 'blocked')
        UNION
        SELECT unnest(w.path_keys) FROM file_lock_waiters w
        WHERE w.workspace_id = p_workspace AND w.session_id = p_session AND w.agent_id = p_agent);
    v_covering := ARRAY(SELECT DISTINCT c FROM unnest(v_interest) i, coordination_covering_keys(i) c);
    FOR v_event IN
        SELECT e.* FROM coordination_events e
        WHERE e.workspace_id = p_workspace AND e.session_id = p_session AND e.seq > v_cursor
        ORDER BY e.seq LIMIT 1000
    LOOP
        EXIT WHEN v_looked_at >= 1000 OR jsonb_array_length(v_items) >= p_limit;
        v_cursor := v_event.seq;
        v_looked_at := v_looked_at + 1;
        v_locks := v_event.payload->'locks';
        IF p_agent <> ALL (v_event.concerns) THEN
            CONTINUE WHEN cardinality(v_interest) = 0 OR v_event.agent_id = p_agent
                OR v_event.kind NOT IN ('lock.claimed', 'lock.released', 'lock.expired', 'lock.revoked');
            v_looked_at := v_looked_at + jsonb_array_length(v_locks);
            -- Of the locks only those that meet what the agent is interested in.
            v_locks := (
                SELECT jsonb_agg(l.lock ORDER BY l.position)
                FROM jsonb_array_elements(v_locks) WITH ORDINALITY AS l(lock, position)
                WHERE l.lock->>'key' = ANY (v_covering)
                   OR EXISTS (SELECT FROM coordination_covering_keys(l.lock->>'key') c WHERE c = ANY (v_interest)));
            CONTINUE WHEN v_locks IS NULL;
        END IF;
        v_items := v_items || jsonb_build_object('id', v_event.seq, 'kind', v_event.kind,
            'from_agent', v_event.agent_id, 'at', v_event.created_at, 'payload',
            v_event.payload || CASE WHEN v_locks IS NULL THEN '{}' ELSE jsonb_build_object(
                'locks', jsonb_path_query_array(v_locks, '$[0 to 19]'), 'lock_count', jsonb_array_length(v_locks)) END);
    END LOOP;
    RETURN jsonb_build_object('items', v_items, 'cursor', v_cursor,
        'more', EXISTS (SELECT FROM coordination_events e
                        WHERE e.workspace_id = p_workspace AND e.session_id = p_session AND e.seq > v_cursor)
                AND (v_looked_at >= 1000 OR jsonb_array_length(v_items) >= p_limit));
END
$function$;
