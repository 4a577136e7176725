-- Remove a session's oldest events, at most p_most of them, none after p_before, and never the last one: its number is
-- what the next event's number follows. What stays therefore begins somewhere and has no gaps from there on, so whoever
-- asks for what follows a number that went sees by the first answer that something is gone.
-- p_after: the number up to which they went already, so that their dead rows are not walked over again.
-- Returns how many went, and the number up to which they are gone. Called under the session's lock.
CREATE OR REPLACE FUNCTION coordination_remove_events(
    p_workspace text, p_session text, p_after bigint, p_before timestamptz, p_most integer,
    OUT gone integer, OUT up_to bigint
) LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_last bigint;
BEGIN
    SELECT e.seq INTO v_last FROM coordination_events e
    WHERE e.workspace_id = p_workspace AND e.session_id = p_session
    ORDER BY e.seq DESC LIMIT 1;
    -- Up to the first one that is to stay: the clock may have been set back since.
    SELECT coalesce(min(o.seq) FILTER (WHERE o.created_at >= p_before) - 1, max(o.seq)) INTO up_to
    FROM (SELECT e.seq, e.created_at FROM coordination_events e
          WHERE e.workspace_id = p_workspace AND e.session_id = p_session AND e.seq > p_after AND e.seq < v_last
          ORDER BY e.seq LIMIT p_most) o;
    -- The rows by their place: with older statistics the planner takes a range of numbers for most of the table, and reads
    -- all of it.
    DELETE FROM coordination_events d
    WHERE d.workspace_id = p_workspace AND d.ctid = ANY (ARRAY(
        SELECT e.ctid FROM coordination_events e
        WHERE e.workspace_id = p_workspace AND e.session_id = p_session AND e.seq > p_after AND e.seq <= up_to
        ORDER BY e.seq LIMIT p_most));
    GET DIAGNOSTICS gone = ROW_COUNT;
END
$function$;
