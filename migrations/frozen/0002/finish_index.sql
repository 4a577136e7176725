-- Finish a refresh: what it learned takes the place of what was known before, at once and as a whole. Returns
-- {files, with_symbols, refreshed_at}.
-- Raises CO008 when the refresh is over: finished, or another one was begun; CO009 when the index would not hold
-- p_files files: a part of it did not arrive, or more than p_most: nothing changed then.
CREATE OR REPLACE FUNCTION coordination_finish_index(
    p_workspace text, p_session text, p_checkout text, p_refresh bigint, p_files integer, p_most integer,
    p_commit text, p_fingerprint text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz := clock_timestamp();
    v_added integer;
    v_files integer;
    v_with_symbols integer;
BEGIN
    PERFORM FROM file_indexes i
    WHERE i.workspace_id = p_workspace AND i.session_id = p_session AND i.checkout = p_checkout
      AND i.given = p_refresh AND i.finished < p_refresh
    FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the refresh is over' USING ERRCODE = 'CO008', DETAIL = '{}';
    END IF;
    SELECT count(*) INTO v_added FROM indexed_files f
    WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = p_checkout
      AND f.refresh = p_refresh AND NOT f.removed;
    IF v_added = p_files THEN
        -- All of it is new, so all else goes: without looking each file up, which takes long for very many.
        DELETE FROM indexed_files f
        WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = p_checkout
          AND (f.refresh < p_refresh OR f.removed);
    ELSE
        -- One pass by path, and the rows by their place: a join of the table with itself was planned, as long as nothing
        -- was known of the table, so that every file was compared with every other one.
        DELETE FROM indexed_files d
        WHERE d.ctid = ANY (ARRAY(
            SELECT o.place
            FROM (SELECT f.ctid AS place, f.refresh, f.removed, max(f.refresh) OVER (PARTITION BY f.path) AS newest
                  FROM indexed_files f
                  WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = p_checkout) o
            WHERE o.newest = p_refresh AND (o.refresh < p_refresh OR o.removed)));
    END IF;
    SELECT count(*), count(*) FILTER (WHERE f.symbols <> '{}') INTO v_files, v_with_symbols
    FROM indexed_files f
    WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = p_checkout;
    IF v_files <> p_files OR v_files > p_most THEN
        RAISE EXCEPTION 'the index is not whole' USING ERRCODE = 'CO009',
            DETAIL = jsonb_build_object('files', v_files, 'expected', p_files, 'most', p_most)::text;
    END IF;
    UPDATE file_indexes i
    SET finished = p_refresh, commit_id = p_commit, fingerprint = p_fingerprint, file_count = v_files,
        with_symbols = v_with_symbols, refreshed_at = v_now
    WHERE i.workspace_id = p_workspace AND i.session_id = p_session AND i.checkout = p_checkout;
    RETURN jsonb_build_object('files', v_files, 'with_symbols', v_with_symbols, 'refreshed_at', v_now);
END
$function$;
