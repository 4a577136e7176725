-- Add what a refresh learned: files as they are now, and paths of files that are gone. Nobody sees any of it before the
-- refresh is finished. Sent twice, the second counts.
-- p_files: [{path, digest, symbols, imports, partners, weights}].
-- Raises CO008 when the refresh is over: finished, or another one was begun.
CREATE OR REPLACE FUNCTION coordination_add_to_index(
    p_workspace text, p_session text, p_checkout text, p_refresh bigint, p_files jsonb, p_removed text[]
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    -- Shared with other batches of this refresh; whoever begins another one waits for this, and then removes it.
    PERFORM FROM file_indexes i
    WHERE i.workspace_id = p_workspace AND i.session_id = p_session AND i.checkout = p_checkout
      AND i.given = p_refresh AND i.finished < p_refresh
    FOR SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the refresh is over' USING ERRCODE = 'CO008', DETAIL = '{}';
    END IF;
    INSERT INTO indexed_files AS f
        (workspace_id, session_id, checkout, refresh, path, removed, digest, symbols, imports, partners, weights)
    SELECT p_workspace, p_session, p_checkout, p_refresh, n.path, false, n.digest, n.symbols, n.imports, n.partners,
           n.weights
    FROM jsonb_to_recordset(p_files)
        AS n(path text, digest text, symbols text[], imports text[], partners text[], weights real[])
    UNION ALL
    SELECT p_workspace, p_session, p_checkout, p_refresh, gone, true, '', '{}', '{}', '{}', '{}'
    FROM unnest(p_removed) gone
    ON CONFLICT (workspace_id, session_id, checkout, path, refresh) DO UPDATE
        SET removed = excluded.removed, digest = excluded.digest, symbols = excluded.symbols,
            imports = excluded.imports, partners = excluded.partners, weights = excluded.weights;
END
$function$;
