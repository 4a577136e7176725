-- Move an agent's news cursor forward, after the answer that carried the news was delivered. Never backward.
CREATE OR REPLACE FUNCTION coordination_confirm_news(
    p_workspace text, p_session text, p_agent text, p_seq bigint
) RETURNS void
LANGUAGE plpgsql VOLATILE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    UPDATE claude_code_agents a SET news_seq = p_seq
    WHERE a.workspace_id = p_workspace AND a.session_id = p_session AND a.id = p_agent AND a.news_seq < p_seq;
END
$function$;
