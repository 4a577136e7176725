-- What agents did stays; who may work here is forgotten.
DO $do$
DECLARE
    v_function text;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND p.proname IN ('coordination_lock_workspace', 'coordination_bootstrap_workspace',
                            'coordination_create_token', 'coordination_describe_token', 'coordination_revoke_token',
                            'coordination_note_token_use', 'coordination_create_workspace', 'coordination_add_member',
                            'coordination_name_is_taken', 'coordination_change_member', 'coordination_invite_member',
                            'coordination_accept_invitation', 'coordination_withdraw_invitation',
                            'coordination_remove_events', 'coordination_remove_past_tasks',
                            'coordination_session_is_over', 'coordination_sessions_due', 'coordination_sweep_session',
                            'coordination_sweep_index', 'coordination_sweep_credentials',
                            'coordination_require_standing', 'coordination_require_room')
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$do$;

DROP TABLE IF EXISTS agent_tokens, workspace_invitations, workspace_members, workspaces;
