"""The command line: `overnight COMMAND`.

In: the words of the command line. Out: the exit status (DESIGN 9), errors as one line on stderr.
Never: a traceback for the user's mistake.
"""

import re
import sys
import traceback
from typing import Any

import typer

from overnight import __version__
from overnight.cli import chatting, commands, comparing, guide, history, recipes
from overnight.cli.flags import (
    CODE,
    DATA_FLAGS,
    EXPORT_FLAGS,
    EXTEND_FLAGS,
    JSON,
    NIGHT_FLAGS,
    NOW,
    OUTPUT,
    PLAN_FLAGS,
    PORT,
    RUN,
    TRAIN_FLAGS,
    WEB,
    Flag,
)
from overnight.cli.flags import with_flags as made
from overnight.values.errors import OvernightError

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
_WITHIN = Flag("within", "--within", str, "How long it may take (3m).", "TIME")
_NAME = Flag("name", "NAME", str, "Name of the checkpoint.")
MOST_LETTERS = 2000
"""Of an error: a row's hundred thousand columns are not all of help."""
SECRET = re.compile(r"(:/{1,2})[^/@\s]+@")
"""Who logs in and with what, as an address of the web may hold it."""
_ABOUT = "The best model you could have had by your deadline, on disk by your deadline."


def build() -> typer.Typer:
    """The commands with their flags; plain help, since rich alone would cost more than the rest."""
    app = typer.Typer(name="overnight", help=_ABOUT, add_completion=False, rich_markup_mode=None,
                      pretty_exceptions_enable=False,
                      context_settings={"help_option_names": ["-h", "--help"]})  # fmt: skip
    app.callback()(_top)
    app.command("demo")(made(commands.demo, (_WITHIN, OUTPUT)))
    app.command("data")(made(commands.data, (*DATA_FLAGS, JSON)))
    app.command("plan")(made(commands.plan, (*NIGHT_FLAGS, *PLAN_FLAGS, JSON)))
    app.command("train")(made(commands.train, TRAIN_FLAGS))
    app.command("watch")(made(commands.watch, (RUN, WEB, PORT)))
    app.command("status")(made(commands.status, (RUN, JSON)))
    app.command("stop")(made(commands.stop, (RUN, NOW)))
    app.command("extend")(made(commands.extend, EXTEND_FLAGS))
    app.command("report")(made(commands.report, (RUN, JSON)))
    app.command("chat")(made(chatting.chat, chatting.FLAGS))
    app.command("export")(made(commands.export, EXPORT_FLAGS))
    app.command("compare")(made(comparing.compare, comparing.FLAGS))
    app.command("guide")(made(guide.guide, guide.FLAGS))
    app.command("history")(made(history.history, history.FLAGS))
    app.command("recipes")(made(recipes.recipes, recipes.FLAGS))
    app.command("doctor")(made(commands.doctor, (JSON,)))
    app.command("_night", hidden=True)(made(commands.run_night, (RUN,)))
    app.command("_compare", hidden=True)(made(comparing.work, comparing.WORK_FLAGS))
    app.command("_page", hidden=True)(made(commands.page, (RUN,)))
    app.command("_track", hidden=True)(made(commands.track, (RUN, _NAME)))
    app.command("_publish", hidden=True)(made(commands.publish, (RUN, _NAME, CODE)))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"overnight {__version__}")
        raise typer.Exit()


def _top(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True,
                                 help="The version, and nothing else."),
) -> None:  # fmt: skip
    """Only here so that `--version` stands before any command."""


def run(words: list[str]) -> int:
    """The exit status of `overnight WORDS`; nothing at all is a call for help."""
    try:
        status: Any = build()(words or ["--help"], standalone_mode=False, prog_name="overnight")
    except OvernightError as error:
        return _fail(str(error), status=error.exit_status)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", status=INTERRUPTED)
    except Exception as error:
        # Errors of usage share no public name through the versions of typer, but this method.
        return _fail(_usage(error), status=2) if hasattr(error, "format_message") else _our_fault()
    return status if isinstance(status, int) else 0


def _usage(error: Any) -> str:
    """What typer says of words that it does not know, and whom to ask."""
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "overnight"
    return f"{error.format_message()} (see {command} --help)"


def _fail(sentence: str, *, status: int) -> int:
    """One line, whatever the data or a file name put into it."""
    line = " ".join(SECRET.sub(r"\1***@", sentence).split())
    line = line if len(line) <= MOST_LETTERS else f"{line[:MOST_LETTERS]} ..."
    shown = "".join(letter if letter.isprintable() else "?" for letter in line)
    print(f"overnight: error: {shown}", file=sys.stderr)
    return status


def _our_fault() -> int:
    """Everything that helps us to mend it."""
    traceback.print_exc()
    return _fail("this is a fault of ours, not of yours; please report it with the lines above "
                 "and what `overnight doctor` prints", status=1)  # fmt: skip
