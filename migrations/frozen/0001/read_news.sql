-- What happened since the agent's last sync that concerns it: events that name it, and claims and releases of
-- others on files that its open tasks or its places in the queue name. Each item carries its event number; the cursor
-- moves only when the answer was delivered (coordination_confirm_news), so an item may repeat and is never missing.
CREATE OR REPLACE FUNCTION coordination_read_news(
    p_workspace text, p_session text, p_agent text, p_limit integer
) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_cursor bigint;
    v_interest text[];
    v_event coordination_events;
    v_items jsonb := '[]';
    v_scanned integer := 0;
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
    FOR v_event IN
        SELECT e.* FROM coordination_events e
        WHERE e.workspace_id = p_workspace AND e.session_id = p_session AND e.seq > v_cursor
        ORDER BY e.seq LIMIT 1000
    LOOP
        v_scanned := v_scanned + 1;
        v_cursor := v_event.seq;
        IF p_agent = ANY (v_event.concerns)
           OR v_event.kind IN ('lock.claimed', 'lock.released', 'lock.expired', 'lock.revoked')
              AND v_event.agent_id <> p_agent AND cardinality(v_interest) > 0
              AND EXISTS (SELECT FROM jsonb_array_elements(v_event.payload->'locks') l, unnest(v_interest) i
                          WHERE l->>'key' = i OR starts_with(l->>'key', i || '/') OR starts_with(i, l->>'key' || '/')
                             OR i = '' AND l->>'key' NOT LIKE 'resource:%'
                             OR l->>'key' = '' AND i NOT LIKE 'resource:%')
        THEN
            v_items := v_items || jsonb_build_object('id', v_event.seq, 'kind', v_event.kind,
                'from_agent', v_event.agent_id, 'at', v_event.created_at, 'payload', v_event.payload);
            EXIT WHEN jsonb_array_length(v_items) >= p_limit;
        END IF;
    END LOOP;
    RETURN jsonb_build_object('items', v_items, 'cursor', v_cursor,
        'more', EXISTS (SELECT FROM coordination_events e
                        WHERE e.workspace_id = p_workspace AND e.session_id = p_session AND e.seq > v_cursor)
                AND (v_scanned >= 1000 OR jsonb_array_length(v_items) >= p_limit));
END
$function$;
