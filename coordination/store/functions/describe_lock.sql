-- One lease as the answers and events carry it. No signature names the row type of file_locks (here and elsewhere it is
-- a polymorphic parameter): a function that depends on it would keep the deployment guide's DROP TABLE from working.
CREATE OR REPLACE FUNCTION coordination_describe_lock(p_lock anyelement, p_now timestamptz) RETURNS jsonb
LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
-- `supabase db lint` does not see what it is called with:
-- @plpgsql_check_options: anyelementtype = public.file_locks
BEGIN
    RETURN jsonb_build_object(
        'path', p_lock.file_path, 'key', p_lock.path_key, 'operation', p_lock.operation,
        'checkout', p_lock.checkout, 'agent_id', p_lock.agent_id, 'fencing_token', p_lock.fencing_token,
        'granted_at', p_lock.granted_at, 'expires_at', p_lock.expires_at,
        'expires_in_seconds', greatest(0, extract(epoch FROM p_lock.expires_at - p_now)),
        'reason', p_lock.reason, 'task_id', p_lock.task_id);
END
$function$;
