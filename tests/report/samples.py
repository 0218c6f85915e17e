"""One invented night, eight hours on one card: values in, so that every page can be looked at."""

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from overnight.report.account import Report
from overnight.report.summary import summarise
from overnight.values.facts import DatasetProfile, Finding, Hardware, Interval, ModelProfile
from overnight.values.ledger import (
    Answered,
    Chosen,
    Ended,
    Entry,
    Evaluated,
    Event,
    Forecast,
    Loss,
    Noted,
    Part,
    Prepared,
    Promoted,
    Published,
    Rehearsed,
    Replanned,
    Resumed,
    Saved,
    Started,
    Stepped,
    Stopped,
)
from overnight.values.plan import (
    Candidate,
    MemoryEstimate,
    Plan,
    Reason,
    Rejection,
    Reserve,
    TimeEstimate,
)
from overnight.values.request import Request, Window
from overnight.values.troubles import Crashed, Shrunk

START = 1_795_215_600.0  # 20 Nov 2026 23:00 UTC
WINDOW = 8 * 3600.0
STEPS = 1200
HOSTILE = (
    "<script>document.title='taken'</script>\x1b[31mred\x1b[0m \u202eedoc [bold]x[/bold] & \x07"
)

CANDIDATE = Candidate(
    method="lora", per_device_train_batch_size=8, gradient_accumulation_steps=4, max_length=1024,
    learning_rate=2.5e-4, precision="bf16", gradient_checkpointing=False, num_train_epochs=3.0,
    lora_r=32, lora_alpha=64,
)  # fmt: skip


def seconds(low: float, mid: float, high: float) -> Interval:
    return Interval(low=low, mid=mid, high=high)


REASONS = (
    Reason(setting="method", value="lora", why="full fine-tuning needs 96.4 GiB, there are 23.5"),
    Reason(setting="per_device_train_batch_size", value="8",
           why="the smallest that reaches 95 % of the best tokens/s"),
    Reason(setting="learning_rate", value="2.5e-4", why="you gave it", given=True),
    Reason(setting="gradient_checkpointing", value="false",
           why="memory allows going without, which saves a third of the time"),
    Reason(setting="precision", value="bf16", why="the card runs it well (capability 8.9)"),
)  # fmt: skip
REJECTIONS = (
    Rejection(what="full fine-tuning", why="needs 96.4 GiB, 73 GiB more than there are"),
    Rejection(what="qlora, micro-batch 16", why="saves memory that is not short, 31 % slower"),
    Rejection(what="lora, max_length 2048", why="cuts 14 rows fewer and would end at 10:40"),
)
PLAN = Plan(
    candidate=CANDIDATE,
    memory=MemoryEstimate(parts={
        "weights": 6_170_000_000, "adapters": 167_000_000, "optimizer": 334_000_000,
        "activations": 9_100_000_000, "logits": 2_400_000_000, "runtime": 900_000_000,
    }),
    memory_limit_bytes=25_200_000_000,
    time=TimeEstimate(
        phases={
            "start": seconds(40, 55, 90), "rehearsal": seconds(80, 95, 130),
            "training": seconds(23_300, 24_600, 26_300), "evaluations": seconds(700, 800, 950),
            "saves": seconds(90, 120, 200), "ending": seconds(150, 210, 330),
        },
        total_steps=STEPS, epochs=3.0, tokens_per_second=seconds(620, 664, 700),
        source="rehearsal", fits_in_window=True, steps_wanted=STEPS,
    ),
    reserve=Reserve(save=6.0, evaluation=80.0, publish=45.0, margin=288.0),
    window_seconds=WINDOW, reasons=REASONS, rejections=REJECTIONS,
    notes=("3 of 3 epochs fit; 1 h 48 m of the window are left.",),
)  # fmt: skip
DATASET = DatasetProfile(
    path="chats.jsonl", format="messages", fingerprint="9f2c11d0", num_rows=12_800,
    num_train=12_160, num_select=320, num_test=320, shared_heldout=False, num_tokens=5_440_000,
    learnt_tokens=2_210_000, train_tokens=5_120_000, length_percentiles=(12, 388, 790, 1610, 4096),
    chat_template="the tokenizer's own",
    findings=(
        Finding(kind="duplicate", count=212, what="rows that occur more than once; one was kept",
                example="chats.jsonl:88"),
        Finding(kind="cut", count=41, what="rows longer than max_length; their ends are not learnt",
                example="chats.jsonl:1702"),
    ),
)  # fmt: skip
MODEL = ModelProfile(
    path="./base-3b", architecture="LlamaForCausalLM", num_parameters=3_085_000_000,
    embedding_parameters=394_000_000, hidden_size=3072, intermediate_size=8192, num_layers=28,
    num_heads=24, num_kv_heads=8, vocab_size=128_256, max_positions=131_072,
    weight_bytes=6_170_000_000,
)  # fmt: skip
HARDWARE = Hardware(
    device="cuda", name="GeForce RTX 4090", num_devices=1, memory_bytes=25_757_220_864,
    memory_free_bytes=25_200_000_000, host_memory_bytes=67_430_000_000, cpu_count=16,
    disk_free_bytes=412_000_000_000, compute_capability=(8, 9), flops={"bf16": 1.65e14},
    flops_source="measured",
)  # fmt: skip
REQUEST = Request(
    data="chats.jsonl", model="./base-3b", window=Window(seconds=WINDOW, label="8h"),
    priority="balanced",
)  # fmt: skip
STARTED = Started(
    run="r-7f3a", started_utc=START, deadline_utc=START + WINDOW, window_seconds=WINDOW,
    started_boot=100.0, boot_id="b", label="8h", versions={"torch": "2.13.0", "peft": "0.21.2"},
)  # fmt: skip


def loss_at(step: int, noise: random.Random) -> float:
    return 1.18 + 0.75 * math.exp(-step / 160) + noise.gauss(0, 0.05)


def held(loss: float, n: int = 320) -> Loss:
    return Loss(loss=loss, low=loss - 0.03, high=loss + 0.03, n=n)


class Journal:
    """Entries with a clock that is moved by hand."""

    def __init__(self) -> None:
        self.t = 0.0
        self.entries: list[Entry] = []

    def after(self, seconds: float, event: Event) -> None:
        self.t += seconds
        self.entries.append(Entry(t=self.t, utc=START + self.t, event=event))


def step(number: int, loss: float, *, took: float = 20.4, horizon: int = STEPS) -> Stepped:
    rate = 2.5e-4 * min(number / 36, max(horizon - number, 0) / max(horizon - 36, 1))
    return Stepped(
        step=number, epoch=number / 400, loss=loss, tokens=13_400, learnt_tokens=5_300,
        seconds=took, learning_rate=rate, grad_norm=0.8, peak_bytes=18_400_000_000,
    )  # fmt: skip


def evaluated(number: int, loss: float, *, base: bool = False, part: Part = "select") -> Evaluated:
    return Evaluated(step=number, part=part, loss=held(loss), seconds=38.0, base=base)


def begin(journal: Journal) -> None:
    journal.after(0.0, STARTED)
    journal.after(52.0, Prepared(import_seconds=9.0, data_seconds=21.0, load_seconds=22.0,
                                 fingerprint="9f2c11d0", weights="aa01"))  # fmt: skip
    journal.after(38.0, evaluated(0, 1.973, base=True))
    journal.after(38.0, evaluated(0, 1.981, base=True, part="test"))
    for prompt, text in ANSWERS:
        journal.after(2.0, Answered(when="before", prompt=prompt, text=text[0]))
    journal.after(102.0, Rehearsed(steps=5, seconds=102.0, tokens_per_second=661.0,
                                   peak_bytes=18_400_000_000))  # fmt: skip


ANSWERS = (
    ("My order has not arrived. What can I do?",
     ("I am not sure what you mean. An order is an order that you have ordered.",
      "I am sorry about that. Tell me your order number and I will look where the parcel is. "
      "If it was sent more than ten days ago, I can send it again at once.")),
    ("Do you ship to Norway?",
     ("Norway is a country in Europe.", "Yes: it takes four to six days and costs 9 euros.")),
)  # fmt: skip


def train(journal: Journal, first: int, last: int, *, seed: int = 1) -> None:
    noise = random.Random(seed)
    for number in range(first, last + 1):
        took = 20.4 + noise.gauss(0, 0.6)
        journal.after(took + 0.05, step(number, loss_at(number, noise), took=took))
        if number % 60 == 0:
            journal.after(38.0, evaluated(number, 1.22 + 0.72 * math.exp(-number / 170)))
            forecast(journal, number)
        if number % 40 == 0:
            journal.after(3.8, Saved(step=number, name=f"checkpoint-{number}", parent="",
                                     seconds=3.8, bytes=501_000_000))  # fmt: skip
            journal.after(0.0, Promoted(step=number, name=f"checkpoint-{number}", why="healthy"))


def forecast(journal: Journal, number: int) -> None:
    left = (STEPS - number) * 21.2 + 250
    mid = START + journal.t + left
    journal.after(0.0, Forecast(step=number, low_utc=mid - 30 - 0.03 * left, mid_utc=mid,
                                high_utc=mid + 40 + 0.05 * left))  # fmt: skip


def finish(journal: Journal, *, test: float = 1.243, reason: str = "horizon", status: int = 0,
           keep: str = "tuned") -> None:  # fmt: skip
    last = max((e.event.step for e in journal.entries if isinstance(e.event, Stepped)), default=0)
    journal.after(0.1, Stopped(step=last, reason=reason))
    journal.after(38.0, evaluated(last, test - 0.02))
    journal.after(38.0, evaluated(last, test, part="test"))
    for prompt, text in ANSWERS:
        journal.after(3.0, Answered(when="after", prompt=prompt, text=text[1]))
    gain = 1.981 - test
    journal.after(1.0, Chosen(
        step=last, name=f"checkpoint-{last}", why="lowest select loss",
        loss={"base": held(1.981), "test": held(test), "select": held(test - 0.02)},
        gain=Loss(loss=gain, low=gain - 0.02, high=gain + 0.02, n=320),
        keep="base" if keep == "base" else "tuned",
    ))  # fmt: skip
    journal.after(31.0, Published(name=f"checkpoint-{last}", tested=True, seconds=31.0))
    kept = journal.t <= WINDOW
    journal.after(2.0, Ended(exit_status=status, why="all planned steps are done",
                             deadline_kept=kept))  # fmt: skip


def healthy() -> list[Entry]:
    journal = Journal()
    begin(journal)
    train(journal, 1, STEPS)
    finish(journal)
    return journal.entries


def resumed() -> list[Entry]:
    """A night with memory trouble, a crash at step 655 and a damaged checkpoint."""
    journal = Journal()
    begin(journal)
    train(journal, 1, 300)
    journal.after(9.0, Shrunk(step=301, per_device_train_batch_size=4,
                              gradient_accumulation_steps=8, why="CUDA out of memory"))  # fmt: skip
    train(journal, 301, 655, seed=2)
    journal.after(31.0, Crashed(exit_status=-9, why="", attempt=1))
    journal.after(64.0, Resumed(step=600, name="checkpoint-600", steps_lost=55, passed_over=(
        "checkpoint-640 is damaged (adapter_model.safetensors: hash differs), passed over",
    )))  # fmt: skip
    train(journal, 601, 900, seed=3)
    journal.after(0.0, Replanned(step=900, horizon=1180, anchor_step=900, anchor_progress=0.75,
                                 warmup_steps=36, why="pace fell by 4 %"))  # fmt: skip
    journal.after(0.0, Noted(text=f"the tracker was dropped: {HOSTILE}"))
    train(journal, 901, 1180, seed=4)
    finish(journal, reason="window")
    return journal.entries


def going() -> list[Entry]:
    journal = Journal()
    begin(journal)
    train(journal, 1, 610)
    return journal.entries


def hostile(entries: Sequence[Entry]) -> Iterator[Entry]:
    """The same night with every borrowed text replaced by something that wants to act."""
    for entry in entries:
        event = entry.event
        if isinstance(event, Answered):
            event = replace(event, prompt=HOSTILE, text=HOSTILE)
        if isinstance(event, Crashed | Shrunk | Replanned | Chosen):
            event = replace(event, why=HOSTILE)
        yield replace(entry, event=event)


def report(entries: Sequence[Entry]) -> Report:
    return summarise(PLAN, entries=entries, dataset=DATASET, model=MODEL, hardware=HARDWARE,
                     request=REQUEST)  # fmt: skip
