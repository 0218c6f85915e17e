"""No foolish setting for any card, model and priority of docs/cards.md."""

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from overnight.planning import memory, ranking
from overnight.planning.lengths import mean_cut
from overnight.planning.profiles import weights
from overnight.planning.question import Question
from overnight.values.errors import NoPlanFits
from overnight.values.plan import Plan

BENCH = Path(__file__).parent.parent / "bench" / "cards.py"


def load():
    spec = importlib.util.spec_from_file_location("cards", BENCH)
    module = importlib.util.module_from_spec(spec)
    sys.modules["cards"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def made():
    """Every plan of the table: (where, question, plan)."""
    return [
        (f"{card} {model} {priority}", question, plan)
        for card, model, priority, question, plan in load().plans()
    ]


def smaller_step_as_fast(question: Question, plan: Plan) -> bool:
    """Fewer rows at the same pace were to be had: accumulation or rows without need."""
    mine = plan.candidate
    if mine.gradient_accumulation_steps == 1 or mine.rows_per_step <= 4:
        return False
    judged, seen = ranking.chosen(question)
    return any(
        one.candidate.rows_per_step < mine.rows_per_step and one.pace.mid >= judged.pace.mid
        and ranking.fits(question, one) for one in seen
    )  # fmt: skip


def checkpointing_with_room(question: Question, plan: Plan) -> bool:
    """The same rows would fit without it, and 40 % of the memory would stay free."""
    if not plan.candidate.gradient_checkpointing:
        return False
    without = replace(plan.candidate, gradient_checkpointing=False, checkpoint_every=1)
    needed = memory.estimate(without, question.model, device="cuda").needed_bytes
    return needed <= 0.6 * ranking.limit(question)


def qlora_without_need(question: Question, plan: Plan) -> bool:
    if plan.candidate.method != "qlora":
        return False
    asked = replace(question, request=replace(question.request, method="lora"))
    try:
        judged, _ = ranking.chosen(asked)
    except NoPlanFits:
        return False
    whole = judged.candidate.max_length >= plan.candidate.max_length
    return whole and ranking.fits(asked, judged)  # into the priority's share of the memory


FOOLISH: dict[str, Callable[[Question, Plan], bool]] = {
    "bf16 on a card that emulates it": lambda q, p: (
        p.candidate.precision == "bf16" and q.hardware.compute_capability < (8, 0)),
    "fp16 where bf16 runs": lambda q, p: (
        p.candidate.precision == "fp16" and q.hardware.compute_capability >= (8, 0)),
    "fp32 on a card with tensor cores": lambda q, p: p.candidate.precision == "fp32",
    "a plan that does not fit": lambda q, p: p.memory.needed_bytes > p.memory_limit_bytes,
    "more memory than the card has": lambda q, p: (
        p.memory_limit_bytes > q.hardware.memory_bytes),
    "checkpointing with 40 % of the memory free": checkpointing_with_room,
    "accumulation without need": smaller_step_as_fast,
    "QLoRA where LoRA fits": qlora_without_need,
    "eager attention": lambda q, p: p.candidate.attn_implementation == "eager",
    "an 8-bit optimizer for a few adapters": lambda q, p: (
        p.candidate.method != "full" and p.candidate.optim != "adamw_torch"),
    "a large model trained whole": lambda q, p: (
        p.candidate.method == "full" and q.model.num_parameters > 10**9),
    "rows cut in half and not said": lambda q, p: (
        mean_cut(q.dataset, p.candidate.max_length) < 0.5 * q.dataset.avg_tokens_per_sample),
    "steps of a single row": lambda q, p: p.candidate.rows_per_step < 4,
    "an epoch in fewer than eight steps": lambda q, p: (
        p.candidate.rows_per_step > q.dataset.num_train / 8),
    "a rate that no one has reported as good": lambda q, p: (
        not 1e-5 <= p.candidate.learning_rate <= 1e-2),
    "more of the memory than the priority allows, unsaid": lambda q, p: (
        p.memory.needed_bytes > weights(q.request.priority).memory_share
        * q.hardware.memory_free_bytes and not any("of the memory" in n for n in p.notes)),
    "an interval that is none": lambda q, p: (
        not p.time.total.low < p.time.total.mid < p.time.total.high),
}  # fmt: skip


@pytest.mark.parametrize("foolish", FOOLISH)
def test_no_plan_is_foolish(made, foolish):
    found = [where for where, question, plan in made
             if isinstance(plan, Plan) and FOOLISH[foolish](question, plan)]  # fmt: skip
    assert found == []


def test_every_card_has_a_plan_for_the_smallest_model(made):
    assert all(isinstance(plan, Plan) for where, _, plan in made if " 1B " in where)


def test_what_has_no_plan_says_what_is_missing(made):
    refused = [plan for _, _, plan in made if isinstance(plan, NoPlanFits)]
    assert all("the nearest" in str(plan) and "more" in str(plan) for plan in refused)


def test_each_rule_of_the_list_can_fail(made):
    """A plan spoilt on purpose is found out by the rule that is meant for it."""
    _, question, plan = next(entry for entry in made if entry[0] == "T4 1B balanced")
    spoilt = replace(plan, candidate=replace(plan.candidate, precision="bf16"))
    assert FOOLISH["bf16 on a card that emulates it"](question, spoilt)
    small = replace(plan, memory_limit_bytes=plan.memory.needed_bytes - 1)
    assert FOOLISH["a plan that does not fit"](question, small)
    wasteful = replace(plan, candidate=replace(
        plan.candidate, gradient_checkpointing=True, per_device_train_batch_size=1,
        max_length=128))  # fmt: skip
    assert FOOLISH["checkpointing with 40 % of the memory free"](question, wasteful)
