"""A run folder that is the night's own: nobody else reads it, and nothing in it leads out of it.

In: a run folder, there or not. Out: one of our own making, or one line about what stands in it.
Never: changes the mode of a folder that was there; follows a link.
"""

from pathlib import Path

from overnight.values.errors import InputError

MODE = 0o700
"""Prompts and answers of private chats lie in it, and machines are shared."""
OURS = frozenset((
    "plan.json", "events.jsonl", "status.json", "base.json", "probe.json", "final",
    "tokenizer", "set-aside", "report.html", "report.json",
    "settings.json", "comparison.json", "comparison.md", "comparison.html", "turn", "trials",
    "settings.env", "training_args.json", "exports", "trackers", "trackers.log", ".trackers.lock",
))  # fmt: skip
BEGINNINGS = ("checkpoint-", ".")


def make(folder: Path) -> None:
    """Creates the folder for the user alone; those above it as they are usual."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=MODE, exist_ok=True)


def refuse_links(folder: Path) -> None:
    """See that no name of ours in the folder is a link: writing through it would reach elsewhere.

    Raises:
        InputError: one is.
    """
    if not folder.is_dir():
        return
    links = sorted(path.name for path in folder.iterdir() if path.is_symlink())
    named = (name for name in links if name in OURS or name.startswith(BEGINNINGS))
    found = next(named, None)
    if found is not None:
        raise InputError(f"{folder / found} is a link, as nothing of a night's own is; put there "
                         "what it leads to, or remove it")  # fmt: skip
