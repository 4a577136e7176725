-- Make the first workspace with its owner, once for ever: whether a row says so is decided by a unique index. The
-- workspace is 'local', so what was in the database before belongs to it. Returns whether it was made.
CREATE OR REPLACE FUNCTION coordination_bootstrap_workspace(p_name text, p_user text, p_token_id text, p_digest bytea)
RETURNS boolean
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
DECLARE
    v_now timestamptz;
BEGIN
    PERFORM coordination_lock_workspace('local');
    v_now := clock_timestamp();
    INSERT INTO workspaces (id, name, bootstrapped, created_at) VALUES ('local', p_name, true, v_now)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO workspace_members (workspace_id, user_id, role, joined_at) VALUES ('local', p_user, 'owner', v_now);
    PERFORM coordination_create_token('local', p_user, NULL, p_token_id, p_digest, p_user, NULL, NULL, NULL,
                                      ARRAY['read', 'write', 'manage'], 'bootstrap', NULL);
    RETURN true;
END
$function$;
