"""What happened in a night: events, past participles, as the journal keeps them.

In: nothing. Out: frozen values. Never: how they are written down (training/journal.py).
Times `t` of an `Entry` are seconds since the night's first start, resumptions included.
"""

from dataclasses import dataclass, field
from typing import Literal

from overnight.values.choices import Piloted, Rated, Sized
from overnight.values.plan import Reserve
from overnight.values.trials import Divided, Entered, Refused, Sliced, Tried, Weighed
from overnight.values.troubles import Clipped, Crashed, Diagnosed, Dropped, Jumped, Rewound, Shrunk

Part = Literal["select", "test"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """A held-out loss: mean negative log-likelihood a learnt token (nats), 95 % bootstrap."""

    loss: float
    low: float
    high: float
    n: int
    """Rows that it was measured on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The night's first start: where its deadline is fixed."""

    run: str
    """A random name that every checkpoint of the night carries."""
    started_utc: float
    deadline_utc: float | None
    window_seconds: float | None
    started_boot: float
    """The boot-time clock at the first start; comparable while `boot_id` is the same."""
    boot_id: str
    label: str
    versions: dict[str, str] = field(default_factory=dict)
    by_clock: bool = True
    """Whether an instant was asked for; a mere length is counted without the wall clock."""
    limit: str = ""
    """Who ends this session sooner than was asked: "SLURM (SLURM_JOB_END_TIME)"; else nobody."""
    asked_utc: float | None = None
    """With a limit that became the deadline: the deadline as it was asked for; None: none was."""
    session_utc: float | None = None
    """With a limit far before the deadline: when this session is left, for another to go on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Data and model were read, the settings chosen; how long that took (seconds)."""

    import_seconds: float
    data_seconds: float
    load_seconds: float
    fingerprint: str
    """Of the data."""
    weights: str
    """Fingerprint of the base weights."""
    tokens: str = ""
    """Of the rows as the model reads them: tokenizer and chat template are in it."""
    rows: str = ""
    """Of those that a sample or a second stage picked; a later process must pick the same."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsed:
    """The rehearsal ended and corrected the estimates."""

    steps: int
    seconds: float
    tokens_per_second: float
    peak_bytes: int
    settled: int = 0
    """First steps that were still settling and say nothing about the pace."""
    settling_seconds: float = 0.0
    """What those took beyond later ones."""
    fixed_load: float = 0.0
    """What a step costs whatever it holds, in the unit of `Deadline.loads`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """One optimizer step was taken."""

    step: int
    epoch: float
    loss: float
    tokens: int
    learnt_tokens: int
    seconds: float
    learning_rate: float
    grad_norm: float
    peak_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluated:
    """A held-out part was measured."""

    step: int
    part: Part
    loss: Loss
    seconds: float
    base: bool = False
    """True for the base model before any step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A whole checkpoint is in place."""

    step: int
    name: str
    parent: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Promoted:
    """A checkpoint has proved healthy: it may be published."""

    step: int
    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """The horizon was set anew; the schedule goes on from `anchor_progress` at `anchor_step`."""

    step: int
    horizon: int
    anchor_step: int
    anchor_progress: float
    """Of the schedule's shape, 0 to 1; continuous across every re-plan."""
    warmup_steps: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StageBegan:
    """From this step on the night draws other rows, or another number of them a step."""

    step: int
    stage: int
    """1 is the second."""
    stages: int
    pool: Literal["all", "best"]
    rows: int
    """That it draws from."""
    rows_per_step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """One prediction of when everything is over (UTC seconds), nine times in ten inside."""

    step: int
    low_utc: float
    mid_utc: float
    high_utc: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Continued:
    """The night begins from the weights of another trainer's checkpoint; its steps count from 0."""

    name: str
    """`checkpoint-1500`, or the folder's own name."""
    steps: int | None
    """That the other trainer had taken; None where the checkpoint does not say."""
    notes: tuple[str, ...] = ()
    """What is carried on, what begins anew, and a sentence for each checkpoint passed over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """A new process went on from a checkpoint (step 0 and no name: from the beginning)."""

    step: int
    name: str
    steps_lost: int
    passed_over: tuple[str, ...] = ()
    """One sentence for each damaged checkpoint."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """The model wrote an answer, before or after training."""

    when: Literal["before", "after"]
    prompt: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Noted:
    """Something worth a line that changes nothing."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """Training is over."""

    step: int
    reason: str
    """`horizon`, `window`, `stop`, `signal`, `session`, `health`, `patience`, `overfit`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """Which checkpoint is to be published, and the figures that it was chosen by."""

    step: int
    name: str
    why: str
    loss: dict[str, Loss] = field(default_factory=dict)
    """`base` and `test` (of the test part), `select` and `base_select`."""
    gain: Loss | None = None
    """Base minus chosen on the test part, paired by row; above 0 is better than base."""
    keep: Literal["tuned", "base"] = "tuned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """`final/` is in place."""

    name: str
    tested: bool
    seconds: float
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """The night is over, everything finished."""

    exit_status: int
    why: str
    deadline_kept: bool


Event = (
    Started | Prepared | Rehearsed | Stepped | Dropped | Evaluated | Saved | Promoted | Shrunk
    | Rewound | Replanned | Forecast | Resumed | Answered | Noted | Stopped | Chosen | Published
    | Crashed | Ended | Clipped | Diagnosed | Jumped | Continued | Sized | Piloted | Rated
    | StageBegan
    | Entered | Refused | Tried | Divided | Sliced | Weighed
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    t: float
    """Seconds since the night's first start."""
    utc: float
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """What `status.json` holds: enough for a glance, replaced as a whole."""

    state: Literal["starting", "rehearsing", "training", "ending", "finished", "stopped"]
    step: int
    horizon: int
    loss: float | None
    tokens_per_second: float | None
    updated_utc: float
    started_utc: float
    deadline_utc: float | None
    finish_low_utc: float | None
    finish_high_utc: float | None
    on_track: bool | None
    pid: int
    reserve: Reserve | None = None
