"""Why each setting is what it is, in words that a user can check.

In: the chosen candidate and what it was chosen for. Out: Reason values and notes. Never: chooses.
"""

from overnight.planning import rules
from overnight.planning.profiles import weights
from overnight.values.facts import DatasetProfile, Hardware
from overnight.values.plan import Candidate, Plan, Reason
from overnight.values.request import Request
from overnight.values.units import show_count


def _method(candidate: Candidate) -> str:
    if candidate.method == "full":
        return (
            "up to 62 M parameters LoRA was measured a fifth faster at most, and a rank would "
            "limit what is learnt"
        )
    if candidate.method == "lora":
        return "the frozen base needs no gradients and no optimizer state"
    return "LoRA on 16-bit weights does not fit, on 4-bit weights it does"


def _length(candidate: Candidate, dataset: DatasetProfile) -> str:
    longest = dataset.length_percentiles[-1]
    if candidate.max_length >= longest:
        return f"the longest row has {show_count(longest)} tokens, so none is cut"
    return f"as many positions as the model has; the longest row has {show_count(longest)} tokens"


def _batch(candidate: Candidate, hardware: Hardware) -> str:
    tokens = show_count(rules.MICRO_TOKENS.get(hardware.device, 4096))
    return f"the smallest near the best pace: about {tokens} tokens on this {hardware.device}"


def _precision(candidate: Candidate, hardware: Hardware) -> str:
    if candidate.precision == "fp32":
        return "16-bit arithmetic is no faster on this device"
    ratio = hardware.flops.get(candidate.precision, 0.0) / max(hardware.flops.get("fp32", 1), 1)
    measured = f"{ratio:.1f} times fp32's matrix rate, measured" if ratio > 1 else "by capability"
    return f"{measured}; weights that are trained stay in fp32"


def _epochs(candidate: Candidate, request: Request) -> str:
    if candidate.num_train_epochs is None:
        return "as many as the window holds"
    return f"priority {request.priority}: {weights(request.priority).words}"


def of(
    candidate: Candidate, request: Request, dataset: DatasetProfile, hardware: Hardware
) -> tuple[Reason, ...]:
    """One reason for every setting that matters, in the order in which they were decided."""
    steps = candidate.gradient_accumulation_steps
    lora = " x 10 for LoRA" * (candidate.method != "full")
    rate = f"5e-5 x (2000 / hidden size)^0.78{lora} x (2000 / steps)^0.3"
    known = {
        "method": (candidate.method, _method(candidate)),
        "precision": (candidate.precision, _precision(candidate, hardware)),
        "max_length": (candidate.max_length, _length(candidate, dataset)),
        "per_device_train_batch_size": (
            candidate.per_device_train_batch_size, _batch(candidate, hardware)),
        "gradient_accumulation_steps": (
            steps, "memory allows no larger micro-batch" if steps > 1
            else "accumulating saves no time, it only makes fewer updates"),
        "gradient_checkpointing": (
            candidate.gradient_checkpointing, "memory allows no other way"
            if candidate.gradient_checkpointing else "memory is free, and it costs a forward pass"),
        "learning_rate": (f"{candidate.learning_rate:g}", f"the rule {rate}"),
        "lr_scheduler_type": (
            candidate.lr_scheduler_type, "falls to zero exactly when the time is over"),
        "num_train_epochs": (candidate.num_train_epochs or "open", _epochs(candidate, request)),
    }  # fmt: skip
    given = request.settings.given() | ({"method": 1} if request.method != "auto" else {})
    given |= {"precision": 1} if request.precision != "auto" else {}
    return tuple(
        Reason(setting=name, value=str(value), given=name in given,
               why="as you asked" if name in given else why)
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


def _waste_note(plan: Plan, request: Request) -> str:
    if plan.time.epochs <= rules.WASTEFUL_EPOCHS or request.priority == "quality":
        return ""
    return (
        f"{plan.time.epochs:.1f} epochs: more than about four passes over the same rows are "
        "worth little; a larger model or more data would use the time better"
    )


def notes(plan: Plan, request: Request) -> tuple[str, ...]:
    """What the user must know before it starts."""
    makers = (_epochs_note, _precision_note, _length_note, _waste_note)
    return tuple(note for make in makers if (note := make(plan, request)))
