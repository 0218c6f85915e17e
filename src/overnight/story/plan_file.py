"""plan.json: what was asked, what is, and what is proposed, readable and re-runnable.

In: a plan with what it was made from. Out: the file, sealed, with a copy beside it. Never: a plan
of its own; what was shown before anything was measured is not overwritten.
"""

from pathlib import Path
from typing import Any

from overnight.codec import to_json
from overnight.story.begin import PLAN
from overnight.story.look import Look
from overnight.training import sealed
from overnight.values.plan import Plan
from overnight.values.request import Request


def write_plan(folder: Path, plan: Plan, request: Request, found: Look) -> None:
    """Writes the plan as it stands; the first one stays readable beside it."""
    content: dict[str, Any] = {
        "request": to_json(request),
        "dataset": to_json(found.data.profile),
        "model": to_json(found.model),
        "hardware": to_json(found.hardware),
        "candidate": to_json(plan.candidate),
        "plan": to_json(plan),
    }
    before = sealed.read(folder / PLAN)
    # What was shown before anything was measured stays readable beside what came of it.
    content["first_plan"] = before.get("first_plan", content["plan"])
    sealed.write(folder / PLAN, content, twice=True)
