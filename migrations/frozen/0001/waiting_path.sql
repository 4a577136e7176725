-- How `p_from` comes to wait for `p_target`, directly or through others: the agents on the way, `p_target` last,
-- or null when none of them does. Breadth first, so the shortest way is named.
CREATE OR REPLACE FUNCTION coordination_waiting_path(
    p_workspace text, p_session text, p_from text[], p_target text, p_blocks_across boolean, p_now timestamptz
) RETURNS text[]
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_waiting text[];
    v_blocking text[];
    v_reached jsonb;
    v_next jsonb;
BEGIN
    SELECT array_agg(b.waiting), array_agg(b.blocking) INTO v_waiting, v_blocking
    FROM coordination_blockers_of(p_workspace, p_session, p_blocks_across, p_now) b;
    -- v_reached maps each agent reached to the way that led to it, v_next those that were reached last.
    SELECT coalesce(jsonb_object_agg(a, jsonb_build_array(a)), '{}') INTO v_reached FROM unnest(p_from) a;
    v_next := v_reached;
    WHILE v_next IS NOT NULL AND NOT v_reached ? p_target LOOP
        SELECT jsonb_object_agg(step.blocking, step.way) INTO v_next
        FROM (SELECT DISTINCT ON (b.blocking) b.blocking, (v_next->b.waiting) || to_jsonb(b.blocking) AS way
              FROM unnest(v_waiting, v_blocking) AS b(waiting, blocking)
              WHERE v_next ? b.waiting AND NOT v_reached ? b.blocking
              ORDER BY b.blocking, b.waiting) step;
        v_reached := v_reached || coalesce(v_next, '{}');
    END LOOP;
    IF NOT v_reached ? p_target THEN
        RETURN NULL;
    END IF;
    RETURN ARRAY(SELECT jsonb_array_elements_text(v_reached->p_target));
END
$function$;
