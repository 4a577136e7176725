-- Delete the given lock rows and record it as one event of `p_kind`. Returns the rows as the answers carry them.
-- Rows are named by their keys once more than the join needs: without statistics the planner would read all leases of
-- the session and look each of them up in the array.
CREATE OR REPLACE FUNCTION coordination_drop_locks(
    p_workspace text, p_session text, p_agent text, p_locks anyarray, p_kind text, p_concerns text[],
    p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.file_locks
DECLARE
    v_keys text[] := ARRAY(SELECT d.path_key FROM unnest(p_locks) d);
    v_locks jsonb;
BEGIN
    WITH dropped AS (
        DELETE FROM file_locks l USING unnest(p_locks) d
        WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.path_key = ANY (v_keys)
          AND l.path_key = d.path_key AND l.checkout = d.checkout AND l.slot = d.slot AND l.fencing_token = d.fencing_token
        RETURNING l.*)
    SELECT coalesce(jsonb_agg(coordination_describe_lock(d, p_now)), '[]') INTO v_locks FROM dropped d;
    IF v_locks <> '[]' THEN
        PERFORM coordination_append_event(p_workspace, p_session, p_agent, p_kind,
            jsonb_build_object('locks', v_locks), p_concerns, p_now);
    END IF;
    RETURN v_locks;
END
$function$;
