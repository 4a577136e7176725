-- A person takes leases away: those on the named paths, or all of an agent, or both conditions together. Each
-- holder who loses something gets one lock.revoked. Returns the leases that were taken.
CREATE OR REPLACE FUNCTION coordination_revoke_file_lock(
    p_workspace text, p_session text, p_by text, p_keys text[], p_agent text
) RETURNS jsonb
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
    v_holder record;
    v_taken jsonb := '[]'::jsonb;
BEGIN
    PERFORM coordination_lock_session(p_workspace, p_session);
    v_now := clock_timestamp();
    FOR v_holder IN
        SELECT l.agent_id::text AS agent_id, array_agg(l) AS locks FROM file_locks l
        WHERE l.workspace_id = p_workspace AND l.session_id = p_session AND l.expires_at > v_now
          AND (p_keys IS NULL OR l.path_key = ANY (p_keys)) AND (p_agent IS NULL OR l.agent_id = p_agent)
        GROUP BY l.agent_id ORDER BY l.agent_id
    LOOP
        v_taken := v_taken || coordination_drop_locks(p_workspace, p_session, p_by, v_holder.locks, 'lock.revoked',
            ARRAY[v_holder.agent_id], v_now);
    END LOOP;
    RETURN v_taken;
END
$function$;
