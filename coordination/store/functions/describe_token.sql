-- What may be told of a token: everything but what would help to guess it.
CREATE OR REPLACE FUNCTION coordination_describe_token(p_token agent_tokens) RETURNS jsonb
LANGUAGE sql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
    SELECT jsonb_build_object(
        'id', p_token.id, 'user', p_token.user_id, 'session', p_token.session_id, 'agent', p_token.agent_name,
        'role', p_token.role, 'scopes', p_token.scopes, 'label', p_token.label, 'created_by', p_token.created_by,
        'created_at', p_token.created_at, 'expires_at', p_token.expires_at, 'last_used_at', p_token.last_used_at)
$function$;
