"""The flags of every command, as one table that typer reads.

In: nothing. Out: functions whose signature typer can read. Never: what a flag means
(settings.py), importing anything but typer.
"""

import inspect
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple

import typer


class Flag(NamedTuple):
    """One flag: the key that it fills, how it is spelled, what it takes."""

    key: str
    spelled: str
    """`--model`; the bare name of a positional argument."""
    kind: Any
    help: str
    takes: str = ""
    """What stands for its value in the help; the flag's own name where it is empty."""


DATA = Flag("data", "DATA", str, "File, folder saved by `datasets`, or hub name.")
MODEL = Flag("model", "--model", str, "Model folder or hub name.")
LEARN = Flag("learn", "--learn", str, "Role, or name in a log, whose turns are learnt.",
             "ROLE")  # fmt: skip
SKIP = Flag("skip_bad_rows", "--skip-bad-rows", bool, "Count and list unreadable rows, go on.")
CODE = Flag("trust_remote_code", "--trust-remote-code", bool, "Run code that the model brings.")
EVAL = Flag("eval_data", "--eval", str, "Your own held-out data.", "DATA")
CONFIG = Flag(
    "config", "--config", str,
    "Settings from a .yaml, .toml, .json or .env file, or the guides' (bot/recommended ...).",
    "FILE|NAME",
)  # fmt: skip
SET = Flag("set", "--set", list[str], "key=value for any setting; may be repeated.", "K=V")
JSON = Flag("json", "--json", bool, "One JSON object, for programs.")
RUN = Flag("run", "RUN", str, "Folder of the night, or its name under runs/; else the newest.")
OUTPUT = Flag("output_dir", "--output-dir", str, "The run folder; else runs/NAME (demo: demo/).",
              "FOLDER")  # fmt: skip
CONTINUE = Flag("resume_from_checkpoint", "--resume-from-checkpoint", str,
                "Go on from another trainer's checkpoint-N, or the newest in a folder.",
                "FOLDER")  # fmt: skip
WEB = Flag("web", "--web", bool, "As a page that keeps itself new, on this machine only.")
PORT = Flag("port", "--port", str, "Of that page; else 8642, or any free one.", "N")
SAMPLE_FLAGS = (
    Flag("sample", "--sample", str, "Train on this share of the rows: 0.5.", "SHARE"),
    Flag("sample_total", "--sample-total", str, "Train on so many rows in all.", "N"),
    Flag("prefer", "--prefer", str,
         "Rows a sample keeps whole: engagement, recent, or both with a comma.", "KINDS"),
    Flag("engagement_column", "--engagement-column", str,
         "Column of reactions, replies ... where it is not recognised.", "NAME"),
    Flag("time_column", "--time-column", str, "Column of each row's time, likewise.", "NAME"),
)  # fmt: skip
DATA_FLAGS = (DATA, MODEL, EVAL, LEARN, *SAMPLE_FLAGS, SKIP, CODE, CONFIG, SET)
NIGHT_FLAGS = (
    DATA,
    MODEL,
    Flag("within", "--within", str, "How long it may take: 45m, 7h30m, 12h.", "TIME"),
    Flag("by", "--by", str, 'When it must be over: "sat 8am", 8:00, "2026-11-21 08:00".', "WHEN"),
    Flag("num_train_epochs", "--epochs", str, "Times through the data; may be a fraction.", "N"),
    Flag("max_steps", "--max-steps", str, "Optimizer steps.", "N"),
    Flag("priority", "--priority", str, "fast, balanced, quality or memory_efficient."),
    Flag("method", "--method", str, "auto, lora, qlora or full."),
    Flag("precision", "--precision", str, "auto, bf16, fp16 or fp32."),
    Flag("learning_rate", "--learning-rate", str, "Peak learning rate.", "RATE"),
    Flag("seed", "--seed", str, "Of everything that is drawn.", "N"),
    Flag(
        "strategy",
        "--strategy",
        str,
        "one-stage, two-stage, progressive or progressive-guide.",
        "NAME",
    ),
    Flag("stage2_rows", "--stage2-rows", str, "Rows of two-stage's second stage.", "N"),
    EVAL,
    LEARN,
    *SAMPLE_FLAGS,
    Flag("name", "--name", str, "Name of the night under runs/."),
    OUTPUT,
    CONTINUE,
    Flag("processes", "--processes", str, "Processes to train with, one a device.", "N"),
    Flag("patience", "--patience", str, "Evaluations without gain, then anneal and end.", "N"),
    SKIP,
    CODE,
    CONFIG,
    SET,
)
NOW = Flag("now", "--now", bool, "Save and end at once, as after Ctrl-C.")
EXTEND_FLAGS = (
    RUN,
    Flag("more", "TIME", str, "How much later than its deadline: 45m, 2h."),
    Flag("within", "--within", str, "How long it may take from now on.", "TIME"),
    Flag("by", "--by", str, 'When it must be over: "sat 10am", 8:00, "2026-11-21 08:00".', "WHEN"),
)
PLAN_FLAGS = (
    Flag("gpu", "--gpu", str, "Plan for this card (T4, RTX 4090, H100 ...), not this machine.",
         "CARD"),
    Flag("samples", "--samples", str, "Rows, in place of DATA.", "N"),
    Flag("tokens", "--tokens", str, "Tokens of a row in the mean, with --samples.", "N"),
    Flag("against", "--against", str,
         "Other settings for the same job, planned beside it: baseline,optimized,run.yaml.",
         "A,B,..."),
    Flag("trace", "--trace", bool, "Count the memory on a step without weights (seconds)."),
)  # fmt: skip
TRAIN_FLAGS = (
    *NIGHT_FLAGS,
    Flag("fresh", "--fresh", bool, "Move what is in the night's folder aside and start over."),
    Flag("renew", "--renew", bool, "The deadline has passed: the same length again, from now."),
    Flag("report_to", "--report-to", str, "Trackers: tensorboard, wandb, trackio, with commas.",
         "NAMES"),
    Flag("on_finish", "--on-finish", str,
         "Run when it is over or in danger; see OVERNIGHT_EVENT, _RUN, _VERDICT.", "COMMAND"),
)  # fmt: skip
EXPORT_FLAGS = (
    RUN,
    Flag("to", "--to", str, "adapter, merged, env, training-args, sft-args or card.", "FORM"),
    Flag("output", "--output", str, "Folder or file; else below the run folder.", "PATH"),
    CODE,
)


def with_flags(function: Callable[..., int], flags: tuple[Flag, ...]) -> Callable[..., int]:
    """The same function, with a signature that typer makes these flags of."""
    parameters = [_parameter(flag) for flag in flags]
    made: Any = lambda **given: function(given)  # noqa: E731
    made.__doc__ = function.__doc__
    made.__name__ = function.__name__
    made.__signature__ = inspect.Signature(parameters, return_annotation=int)
    made.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": int}
    return made  # type: ignore[no-any-return]


def _parameter(flag: Flag) -> inspect.Parameter:
    """Nothing given is None, False or an empty list; typer checks no types but these."""
    if flag.spelled.startswith("--"):
        metavar = None if flag.kind is bool else flag.takes or flag.spelled[2:].upper()
        info: Any = typer.Option(flag.spelled, help=flag.help, metavar=metavar, show_default=False)
    else:
        info = typer.Argument(help=flag.help, metavar=f"[{flag.spelled}]", show_default=False)
    empty: Any = {bool: False, str: None}.get(flag.kind, [])
    kind = flag.kind if flag.kind is not str else str | None
    return inspect.Parameter(flag.key, inspect.Parameter.KEYWORD_ONLY, default=empty,
                             annotation=Annotated[kind, info])  # fmt: skip
