-- Live conflicting leases of other agents in other checkouts: no reason to refuse (their trees meet at merge only),
-- but worth a warning. At most five, with the folder they are in.
CREATE OR REPLACE FUNCTION coordination_locks_elsewhere(
    p_workspace text, p_session text, p_agent text, p_checkout text, p_operation text, p_found anyarray,
    p_now timestamptz
) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.file_locks
BEGIN
    RETURN coalesce((
        SELECT jsonb_agg(e.warning) FROM (
            SELECT jsonb_build_object('path', f.file_path, 'locked_by', f.agent_id, 'checkout', f.checkout,
                                      'checkout_root', a.checkout_root) AS warning
            FROM unnest(p_found) f
            LEFT JOIN claude_code_agents a
              ON a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = f.agent_id
            WHERE f.expires_at > p_now AND f.agent_id <> p_agent
              AND (p_operation <> 'read' OR f.operation <> 'read')
              AND f.checkout <> p_checkout AND f.checkout <> '' AND p_checkout <> ''
            ORDER BY f.path_key LIMIT 5) e), '[]');
END
$function$;
