"""Examples of what a planner's program sends and is answered."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from coordination.transport.rest.story import ANALYSIS, HANDED_OUT, PLANNER, ROOT, Json

_ACTING: Final[Json] = {"agent": PLANNER, "checkout": f"laptop:{ROOT}", "terminal": "4690-1795254900"}

BODIES: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "AnalysisRequest": {
            **_ACTING,
            "tasks": [
                {"id": "parser", "description": "Write the parser", "files": ["src/parser.py"]},
                {"id": "errors", "description": "Write the errors of the parser"},
                "Describe the parser in the README",
            ],
            "complexity_level": "moderate",
        },
        "PlanRequest": {**_ACTING, "analysis_id": ANALYSIS, "preferred_agent_count": 2},
    }
)
"""What is sent, by the name of its model."""

ANSWERS: Final[Mapping[str, Json]] = MappingProxyType(
    {
        "AnalysisResult": {
            "analysis_id": ANALYSIS,
            "agent_id": PLANNER,
            "recommended_agent_count": 1,
            "tasks": [
                {
                    "id": "parser",
                    "description": "Write the parser",
                    "files": ["src/parser.py"],
                    "depends_on": [],
                    "work": 3.5,
                    "predicted": [
                        {
                            "path": "src/parser.py",
                            "confidence": 1.0,
                            "evidence": [
                                {
                                    "path": "src/parser.py",
                                    "source": "given",
                                    "confidence": 1.0,
                                    "reason": "given with the task",
                                }
                            ],
                        }
                    ],
                }
            ],
            "conflicts": [
                {
                    "first": "parser",
                    "second": "errors",
                    "severity": "medium",
                    "likelihood": 0.45,
                    "files": ["src/parser.py"],
                    "more": 0,
                }
            ],
            "order": ["parser", "errors"],
            "assignments": [{"agent": "impl_a", "tasks": ["parser", "errors"], "work": 7.0}],
            "waits_for": {"errors": ["parser"]},
            "warnings": [],
        },
        "PlanHandedOut": {"revision": 1, "tasks": [HANDED_OUT], "kept": [], "warnings": []},
    }
)
"""What is answered, by the name of its model."""
