-- Begin a refresh of a checkout's file index. Returns {refresh, files, fingerprint}: the number of the refresh, and what
-- the index holds that counts at present.
-- A refresh that was begun before and not finished is over: what it wrote goes, and it can write no more. So of two that
-- run at the same time the later one wins, and nothing of the other is left. None of this waits for the session's lock,
-- nor does anybody who claims wait for it.
-- Raises CO007 when there is no such session.
CREATE OR REPLACE FUNCTION coordination_begin_index(p_workspace text, p_session text, p_checkout text) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_index file_indexes;
BEGIN
    -- The session cannot be deleted before this is committed, so no row of it is left behind.
    PERFORM FROM claude_code_sessions s WHERE s.workspace_id = p_workspace AND s.id = p_session FOR KEY SHARE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'no such session' USING ERRCODE = 'CO007', DETAIL = '{}';
    END IF;
    INSERT INTO file_indexes AS i (workspace_id, session_id, checkout, given) VALUES (p_workspace, p_session, p_checkout, 1)
    ON CONFLICT (workspace_id, session_id, checkout) DO UPDATE SET given = i.given + 1
    RETURNING i.* INTO v_index;
    DELETE FROM indexed_files f
    WHERE f.workspace_id = p_workspace AND f.session_id = p_session AND f.checkout = p_checkout
      AND f.refresh > v_index.finished;
    RETURN jsonb_build_object('refresh', v_index.given, 'files', v_index.file_count, 'fingerprint', v_index.fingerprint);
END
$function$;
