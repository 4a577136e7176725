-- Tasks stay; what only a plan knows of them goes.
DO $do$
DECLARE
    v_function text;
BEGIN
    FOR v_function IN
        SELECT p.oid::regprocedure FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
          AND p.proname IN ('coordination_keep_analysis', 'coordination_distribute_plan', 'coordination_planned_tasks',
                            'coordination_describe_task', 'coordination_take_planner_role',
                            'coordination_give_planner_role_back', 'coordination_begin_session',
                            'coordination_tasks_in_the_way')
    LOOP
        EXECUTE format('DROP FUNCTION %s', v_function);
    END LOOP;
END
$do$;

DROP INDEX IF EXISTS idx_coordination_events_messages;
ALTER TABLE tasks DROP COLUMN IF EXISTS plan_revision, DROP COLUMN IF EXISTS files, DROP COLUMN IF EXISTS work;
DROP TABLE IF EXISTS plan_analyses, plans;
