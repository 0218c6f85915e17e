"""Why each setting is what it is, in words that a user can check.

In: the chosen candidate and what it was chosen for. Out: Reason values and notes. Never: chooses.
"""

from overnight.planning import batch_rates, curriculum, packing, ranking, rules, safety
from overnight.planning.lengths import truncated
from overnight.planning.memory import trainable_parameters
from overnight.planning.profiles import weights
from overnight.planning.question import Question
from overnight.values.facts import Hardware, Interval
from overnight.values.plan import Candidate, MemoryEstimate, Plan, Reason
from overnight.values.request import Request
from overnight.values.units import show_bytes, show_count, show_duration

SPARE = 0.8
"""Of the window: epochs that are done sooner leave time that should be spoken of."""


def _method(candidate: Candidate) -> str:
    if candidate.method == "full":
        return (
            "up to 62 M parameters LoRA was measured a fifth faster at most, and a rank would "
            "limit what is learnt"
        )
    if candidate.method == "lora":
        return "the frozen base needs no gradients and no optimizer state"
    return "LoRA on 16-bit weights does not fit, on 4-bit weights it does"


def _length(candidate: Candidate, question: Question) -> str:
    longest = question.dataset.length_percentiles[-1]
    if candidate.max_length >= longest:
        return f"the longest row has {show_count(longest)} tokens, so none is cut"
    whose = f"the longest row has {show_count(longest)} tokens"
    if candidate.max_length >= question.model.max_positions:
        return f"as many positions as the model has; {whose}"
    lost = 100 * truncated(question.dataset, candidate.max_length)
    return f"longer rows do not fit the memory; {whose}, and {lost:.1f} % of all are cut off"


def _batch(question: Question, pace: Interval) -> str:
    tried = question.sized
    if tried is not None:
        tokens = show_count(round(tried.tokens_per_second))
        return f"{tried.why}: {tokens} tokens/s, by {len(tried.paces)} sizes measured here"
    lost = 100 * (1 - weights(question.request.priority).pace_share)
    return (
        f"the smallest step within {lost:.0f} % of the best pace that fits: "
        f"{show_count(round(pace.mid))} tokens/s"
    )


def _accumulation(candidate: Candidate, question: Question) -> str:
    if candidate.gradient_accumulation_steps > 1:
        return f"a step of fewer than {rules.fewest_rows(question.dataset)} rows is too noisy"
    return "accumulating saves no time, it only makes fewer updates"


def _checkpointing(candidate: Candidate) -> str:
    if not candidate.gradient_checkpointing:
        return "memory allows going without, and it costs a forward pass"
    layers = "every other layer: " if candidate.checkpoint_every == 2 else ""
    return f"{layers}what memory allows is fastest so"


def _rate(candidate: Candidate, question: Question) -> str:
    tried = question.rated
    if tried is not None and tried.best is not None:
        return (f"the best of {tried.pilots} pilots of {tried.steps} steps ({tried.best:.2g}), "
                "lower for as many steps as there are")  # fmt: skip
    if (rule := question.request.settings.learning_rate_rule) is not None:
        return batch_rates.words(rule)
    if question.lessons.learning_rate is not None:
        return "the best of earlier nights alike, for as many steps"
    lora = " x 10 for LoRA" * (candidate.method != "full")
    words = f"the rule 5e-5 x (2000 / hidden size)^0.78{lora} x (2000 / steps)^0.3"
    if candidate.method != "full" and question.model.hidden_size < rules.NARROW:
        words = f"{words}; below {rules.NARROW} wide LoRA's falls again"
    guesses = rules.untrained(question.base_loss, question.model.vocab_size)
    if guesses and candidate.method == "full":
        words += f" x {rules.UNTRAINED_FACTOR:g}, for the base model has learnt nothing yet"
    return words


def _most_tokens(question: Question) -> str:
    if question.lessons.fitted is not None:
        return "memory ran out above it in an earlier night like this; fuller ones are cut"
    return "memory is short, and only the few micro-batches with the longest rows are cut by it"


def _adapters(candidate: Candidate, question: Question) -> dict[str, tuple[object, str]]:
    """Rank, scaling and layers, where there are adapters."""
    if candidate.method == "full":
        return {}
    held = show_count(trainable_parameters(candidate, question.model))
    told = show_count(question.dataset.learnt_tokens)
    rank = f"{held} weights hold about 2 bits each, {told} tokens to learn bring about one each"
    layers = "an adapter that the night goes on from says so"
    if not candidate.lora_target_modules:
        layers = "adapters of the attention alone learn less (LoRA Without Regret, 2025)"
    return {
        "lora_r": (candidate.lora_r, rank),
        "lora_alpha": (candidate.lora_alpha, "scaled by alpha / r every rank wants the same rate"),
        "lora_target_modules": (
            ", ".join(candidate.lora_target_modules) or "all linear layers", layers),
    }  # fmt: skip


def _precision(candidate: Candidate, hardware: Hardware) -> str:
    if candidate.precision == "fp32":
        return "16-bit arithmetic is no faster on this device"
    ratio = hardware.flops.get(candidate.precision, 0.0) / max(hardware.flops.get("fp32", 1), 1)
    source = "measured" if hardware.flops_source == "measured" else "by the catalogue"
    faster = f"{ratio:.1f} times fp32's matrix rate, {source}" if ratio > 1 else "by capability"
    return f"{faster}; weights that are trained stay in fp32"


def _epochs(candidate: Candidate, request: Request) -> str:
    if candidate.num_train_epochs is None:
        return "as many as the window holds"
    return f"priority {request.priority}: {weights(request.priority).words}"


def _special(candidate: Candidate, question: Question) -> dict[str, tuple[object, str]]:
    """What only some plans have."""
    known: dict[str, tuple[object, str]] = {}
    if candidate.packing or question.hardware.device == "cuda":
        known["packing"] = (candidate.packing, packing.why(candidate, question))
    if candidate.loss_chunk_size:
        known["loss_chunk_size"] = (
            candidate.loss_chunk_size,
            "logits of a whole micro-batch do not fit beside the rest; the head runs once more",
        )
    if candidate.strategy != "one-stage":
        known["strategy"] = (candidate.strategy, curriculum.told(candidate, question.dataset))
    if candidate.optim != "adamw_torch":
        known["optim"] = (candidate.optim, "the optimizer's moments fit in 8 bits only")
    if candidate.max_tokens_per_micro_batch:
        known["max_tokens_per_micro_batch"] = (
            candidate.max_tokens_per_micro_batch,
            _most_tokens(question),
        )
    return known


def of(candidate: Candidate, question: Question, pace: Interval) -> tuple[Reason, ...]:
    """One reason for every setting that matters, in the order in which they were decided."""
    request, hardware = question.request, question.hardware
    known = {
        "method": (candidate.method, _method(candidate)),
        **_adapters(candidate, question),
        "precision": (candidate.precision, _precision(candidate, hardware)),
        "max_length": (candidate.max_length, _length(candidate, question)),
        "per_device_train_batch_size": (
            candidate.per_device_train_batch_size, _batch(question, pace)),
        "gradient_accumulation_steps": (
            candidate.gradient_accumulation_steps, _accumulation(candidate, question)),
        "gradient_checkpointing": (
            candidate.gradient_checkpointing, _checkpointing(candidate)),
        "learning_rate": (f"{candidate.learning_rate:g}", _rate(candidate, question)),
        "lr_scheduler_type": (
            candidate.lr_scheduler_type, "falls to zero exactly when the time is over"),
        "adam_beta2": (
            f"{candidate.adam_beta2:g}", "a half-life of as many tokens whatever a step holds"),
        "num_train_epochs": (candidate.num_train_epochs or "open", _epochs(candidate, request)),
    }  # fmt: skip
    known |= _special(candidate, question)
    given = request.settings.given() | ({"method": 1} if request.method != "auto" else {})
    if request.resume_from_checkpoint is not None:
        given.pop("method", None)
        known["method"] = (candidate.method, "what the checkpoint holds that it goes on from")
    given |= {"precision": 1} if request.precision != "auto" else {}
    return tuple(
        Reason(setting=name, value=str(value), given=name in given,
               why="as you asked" if name in given and name != "strategy" else why)
        for name, (value, why) in known.items()
    )  # fmt: skip


def _epochs_note(plan: Plan, request: Request) -> str:
    settings = request.settings
    if plan.time.fits_in_window:
        return ""
    if settings.max_steps is not None:
        return f"{plan.time.total_steps} of {settings.max_steps} steps fit into the window"
    if settings.num_train_epochs is None:
        return ""
    return f"{plan.time.epochs:.1f} of {settings.num_train_epochs:g} epochs fit into the window"


def _precision_note(plan: Plan, request: Request) -> str:
    settings, runs = request.settings, plan.candidate.precision
    asked = "fp16" if settings.fp16 else "bf16" if settings.bf16 else ""
    if not asked or asked == runs:
        return ""
    return f"{asked}=true asks for mixed precision; {runs} is the one that this device runs well"


def _length_note(plan: Plan, request: Request) -> str:
    asked, takes = request.settings.max_length, plan.candidate.max_length
    if asked is None or asked <= takes:
        return ""
    return (
        f"max_length={asked} is more than any row or the model's positions need; {takes} is taken"
    )


def _packing_note(plan: Plan, _request: Request) -> str:
    if not plan.candidate.packing or plan.candidate.varlen:
        return ""
    return (
        "packing=true without a kernel for rows end to end keeps them apart by a mask; without "
        f"packing, batched by length, steps were {packing.FASTER}"
    )


def _waste_note(plan: Plan, _request: Request) -> str:
    if plan.time.epochs <= rules.WASTEFUL_EPOCHS:
        return ""
    return (
        f"{plan.time.epochs:.1f} epochs: more than about four passes over the same rows are "
        f"worth little, and may be learnt by heart; {_instead(plan.candidate)} would use the time "
        "better, and --epochs 4 gives the rest of it back"
    )


def _instead(candidate: Candidate) -> str:
    """What more time is good for, where the rows are used up."""
    higher = ", a higher rank" if candidate.method != "full" else ""
    return f"more data{higher} or a larger model"


def _spare_note(plan: Plan, request: Request) -> str:
    """Where the priority's epochs are done long before the window is over."""
    window, wanted = plan.window_seconds, plan.time.steps_wanted
    whole = wanted is not None and plan.time.total_steps >= wanted
    if window is None or not whole or plan.time.total.high > SPARE * window:
        return ""
    if request.settings.num_train_epochs is not None or request.settings.max_steps is not None:
        return ""
    return (
        f"{plan.time.epochs:.0f} epochs are done after about {show_duration(plan.time.total.mid)} "
        f"of {show_duration(window)}: {_instead(plan.candidate)} would use the rest, --priority "
        "quality fills it with the same rows"
    )


def _card_notes(question: Question) -> tuple[str, ...]:
    """What must be said of a card: that torch cannot drive it, or which of several was meant."""
    meant = question.hardware.sources.get("name", "") if question.hardware.catalogue else ""
    return question.hardware.undrivable, meant


def _share_note(plan: Plan, question: Question) -> str:
    """Where a priority plans with a share of the memory and nothing fits into that."""
    share = weights(question.request.priority).memory_share
    usual = ranking.limit(question)
    if plan.memory_limit_bytes <= usual:
        return ""
    return f"nothing fits into {100 * share:.0f} % of the memory; this plan needs least"


def _stage_note(plan: Plan, question: Question) -> str:
    """Where a second stage has nothing to pick from, or there is none."""
    given, rows = question.request.settings.stage2_rows, question.dataset.num_train
    if plan.candidate.strategy != "two-stage":
        return "stage2_rows is for --strategy two-stage alone" if given is not None else ""
    if plan.candidate.stage2_rows < rows:
        return ""
    return (f"the second stage holds all {rows:,} rows, for {plan.candidate.stage2_rows:,} are "
            "the best; --stage2-rows gives fewer")  # fmt: skip


def notes(plan: Plan, question: Question) -> tuple[str, ...]:
    """What the user must know before it starts."""
    makers = (_epochs_note, _precision_note, _length_note, _packing_note, _waste_note, _spare_note)
    found = [make(plan, question.request) for make in makers]
    own = (*_card_notes(question), _share_note(plan, question), _stage_note(plan, question))
    return tuple(note for note in (*own, *found, *safety.notes(plan, question)) if note)


def trace_note(plan: Plan, traced: MemoryEstimate) -> tuple[str, ...]:
    """What a trace said beside the closed form."""
    return (
        f"memory by a trace of the step: {show_bytes(traced.peak_bytes)}; the closed form said "
        f"{show_bytes(plan.memory.peak_bytes)}",
    )
