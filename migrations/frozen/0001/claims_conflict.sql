-- Whether two claims exclude each other: one is exclusive, their paths overlap, and they meet in one checkout (an
-- unknown checkout, '', meets every other; named resources are session-wide). A probe is the keys and all their
-- ancestors, so two sets of paths overlap exactly when the keys of one meet the probe of the other. Large sets are
-- intersected by hashing, because the operator of arrays compares each with each.
CREATE OR REPLACE FUNCTION coordination_claims_conflict(
    p_operation text, p_checkout text, p_keys text[], p_probe text[],
    q_operation text, q_checkout text, q_keys text[], q_probe text[], p_blocks_across boolean
) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE SECURITY INVOKER SET search_path = pg_catalog, public
AS $function$
BEGIN
    IF p_operation = 'read' AND q_operation = 'read' THEN
        RETURN false;
    END IF;
    IF cardinality(p_keys) < 20 OR cardinality(q_keys) < 20 THEN
        IF NOT (p_keys && q_probe OR q_keys && p_probe) THEN
            RETURN false;
        END IF;
    ELSIF NOT EXISTS (SELECT unnest(p_keys) INTERSECT SELECT unnest(q_probe))
          AND NOT EXISTS (SELECT unnest(q_keys) INTERSECT SELECT unnest(p_probe)) THEN
        RETURN false;
    END IF;
    RETURN p_blocks_across OR p_checkout = q_checkout OR p_checkout = '' OR q_checkout = ''
        OR EXISTS (SELECT FROM unnest(p_keys) k WHERE k LIKE 'resource:%' AND k = ANY (q_probe))
        OR EXISTS (SELECT FROM unnest(q_keys) k WHERE k LIKE 'resource:%' AND k = ANY (p_probe));
END
$function$;
