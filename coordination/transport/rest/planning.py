"""Routes of planners: analyse tasks, look at an analysis, and hand its tasks out."""

from typing import Annotated

from fastapi import APIRouter, Path, Request

from coordination.domain.errors import UnknownItem
from coordination.domain.plan.analysis import Complexity
from coordination.services import plan
from coordination.services.core import Core
from coordination.transport.exchange import exchange_of
from coordination.transport.plan import planned, project_paths
from coordination.transport.rest.acting import JoinedSession, actor, require_planner
from coordination.transport.rest.description import PLANNING
from coordination.transport.rest.parameters import AnySession, of_known_session
from coordination.wire.plan import ANALYSIS_ID
from coordination.wire.planning import AnalysisRequest, AnalysisResult, PlanHandedOut, PlanRequest

AnalysisId = Annotated[
    str, Path(pattern=ANALYSIS_ID, description="The analysis's id, 16 hexadecimal digits.")
]


def add_routes(router: APIRouter, core: Core) -> None:
    """Add the routes to `router`."""

    @router.post(
        "/sessions/{session}/analyses",
        summary="Analyse which tasks would touch the same files",
        responses=PLANNING,
    )
    async def analyse_tasks(  # pyright: ignore[reportUnusedFunction]  the router keeps it
        request: Request, session: JoinedSession, wanted: AnalysisRequest
    ) -> AnalysisResult:
        """The same tasks and the same index give the same analysis, so it may be sent twice. Twenty are kept."""
        agent = actor(core, session, wanted)
        await require_planner(core, agent, role_fixed=session.principal.role is not None)
        kept = await plan.analyse(
            core,
            agent,
            planned(wanted.tasks, agent.checkout_root),
            complexity=Complexity(wanted.complexity_level),
            project_files=project_paths(wanted.project_files, agent.checkout_root),
            caller=exchange_of(request.scope).disconnected,
        )
        return AnalysisResult.of(kept.id, kept.agent_id, kept.analysis, kept.warnings)

    @router.get("/sessions/{session}/analyses/{analysis_id}", summary="Look at an analysis, all of it")
    async def read_analysis(session: AnySession, analysis_id: AnalysisId) -> AnalysisResult:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """It is as it was: of an index that was refreshed since, it knows nothing."""
        async with of_known_session(core, session, UnknownItem):
            kept = await plan.read(core, session.workspace, session.id, analysis_id)
        return AnalysisResult.of(kept.id, kept.agent_id, kept.analysis, kept.warnings)

    @router.post("/sessions/{session}/plans", summary="Hand the tasks of an analysis out", responses=PLANNING)
    async def distribute_plan(session: JoinedSession, wanted: PlanRequest) -> PlanHandedOut:  # pyright: ignore[reportUnusedFunction]  the router keeps it
        """Sending it again replaces what has not started and keeps what has. Ask the person first."""
        agent = actor(core, session, wanted)
        await require_planner(core, agent, role_fixed=session.principal.role is not None)
        async with of_known_session(core, session, UnknownItem):
            handed = await plan.distribute(core, agent, wanted.analysis_id, wanted.preferred_agent_count)
        return PlanHandedOut(
            revision=handed.revision, tasks=handed.tasks, kept=handed.kept, warnings=handed.warnings
        )
