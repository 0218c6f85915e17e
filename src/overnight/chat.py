"""Talking to a tuned model: alone, or with the base's answer beside every one of its own.

In: a run folder, lines that somebody types or a file of prompts. Out: answers as they are written.
Never: touches the night, lets an answer act on the terminal.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from overnight.report import summary
from overnight.report.following import status
from overnight.report.words import inert
from overnight.training import export, journal, lineage, talking
from overnight.training.manifest import folders, problem
from overnight.training.talking import Manner, Said, Talker, Who
from overnight.values.errors import InputError

HELP = "/reset forgets what was said, /system TEXT sets a system message, /exit (or Ctrl-D) ends"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked for."""

    run: Path
    compare: bool = False
    checkpoint: str | None = None
    """`final`, a step or a checkpoint's name; None: final/, else the newest whole checkpoint."""
    manner: Manner = field(default_factory=Manner)
    device: str | None = None
    trust_remote_code: bool = False


@dataclass(slots=True)
class Chat:
    """An open conversation."""

    talker: Talker
    template: str
    manner: Manner
    both: bool
    write: Callable[[str], object]
    turns: list[Said] = field(default_factory=list)

    def ask(self, text: str) -> str:
        """Says it, and writes the answer, the base's first where both are wanted; the tuned one's
        goes on in the conversation."""
        turns = [*self.turns, Said("user", text)]
        prompt = talking.prompt_of(self.talker.tokenizer, self.template, turns)
        if self.both:
            self._written("base", prompt)
        answer = self._written("tuned", prompt)
        self.turns = [*turns, Said("assistant", answer)]
        return answer

    def _written(self, who: Who, prompt: str) -> str:
        if self.both:
            self.write(f"{who:>5}> ")
        said = []
        for piece in self.talker.answer(prompt, who, self.manner):
            said.append(piece)
            self.write(inert(piece))
        self.write("\n")
        return "".join(said).strip()


def opened(asked: Asked, *, write: Callable[[str], object], say: Callable[[str], object]) -> Chat:
    """The conversation, its model not loaded yet.

    Raises:
        InputError: the folder is no night's, or has nothing to talk to.
    """
    from transformers import AutoTokenizer

    known = summary.known(asked.run)
    folder = _folder(asked)
    busy = _busy(asked.run)
    device = talking.device(busy=busy, wanted=asked.device)
    if busy and asked.device is None:
        say("its night is still training: answers are made on the processor, to leave it the card")
    tokenizer = AutoTokenizer.from_pretrained(
        asked.run / export.TOKENIZER, trust_remote_code=asked.trust_remote_code
    )
    talker = Talker(folder, known.request.model, tokenizer, device=device,
                    trust_remote_code=asked.trust_remote_code)  # fmt: skip
    say(f"talking to {folder} on {device}")
    return Chat(talker, known.dataset.chat_template, asked.manner, asked.compare, write)


def _folder(asked: Asked) -> Path:
    """Where the model lies that is talked to."""
    run, name = asked.run, asked.checkpoint
    final = run / export.FINAL
    if name in (None, export.FINAL) and final.is_dir():
        export.check(run)
        return final
    if name is None:
        found = lineage.best_whole(run, journal.read(run))
        newest = found if found.path else lineage.newest_promoted(run, journal.read(run))
        if newest.path is None:
            raise InputError(f"{run} holds no final/ and no whole checkpoint yet; look again when "
                             "one is saved")  # fmt: skip
        return newest.path
    folder = run / (f"checkpoint-{name}" if name.isdecimal() else name)
    wrong = problem(folder) if folder.is_dir() else "there is none"
    if wrong or folder.parent != run:
        there = ", ".join(path.name for path in folders(run)) or "none"
        raise InputError(f"{folder}: {wrong or 'no checkpoint of this night'}; there are: {there}")
    return folder


def _busy(run: Path) -> bool:
    """Whether the night's process is there on this machine and not over."""
    import psutil

    seen = status(run)
    if seen is None or seen.state in ("finished", "stopped"):
        return False
    return psutil.pid_exists(seen.pid)


def talk(chat: Chat, lines: Iterable[str], *, say: Callable[[str], object]) -> int:
    """A conversation until the lines are over; 0."""
    say(HELP)
    for line in lines:
        text = line.strip()
        if text in ("/exit", "/quit"):
            break
        if text == "/reset":
            chat.turns.clear()
        elif text.startswith("/system "):
            chat.turns = [Said("system", text.removeprefix("/system ").strip())]
        elif text.startswith("/"):
            say(HELP)
        elif text:
            _asked(chat, text, say=say)
    return 0


def _asked(chat: Chat, text: str, *, say: Callable[[str], object]) -> None:
    try:
        chat.ask(text)
    except InputError as error:
        say(str(error))


def typed(*, prompt: str = " you> ") -> Iterator[str]:
    """Lines as they are typed, with a prompt where somebody sits there."""
    asks = sys.stdin.isatty()
    while True:
        try:
            yield input(prompt if asks else "")
        except EOFError:
            return


def sheet(chat: Chat, prompts: Iterable[tuple[Said, ...]], *, as_json: bool) -> Iterator[str]:
    """One block of text, or one JSON line, for each prompt with its answers."""
    kinds: tuple[Who, ...] = ("base", "tuned") if chat.both else ("tuned",)
    for number, turns in enumerate(prompts, start=1):
        given = talking.prompt_of(chat.talker.tokenizer, chat.template, turns)
        answers = {who: "".join(chat.talker.answer(given, who, chat.manner)).strip()
                   for who in kinds}  # fmt: skip
        asked = turns[-1].content
        if as_json:
            yield json.dumps({"prompt": asked, **answers}, ensure_ascii=True)
        else:
            told = [f"{who}: {answer}" for who, answer in answers.items()]
            yield inert("\n\n".join((f"[{number}] {asked}", *told))) + "\n"


def prompts_of(path: Path) -> Iterator[tuple[Said, ...]]:
    """Conversations of a file: a line each, or JSON lines with `prompt` or `messages`.

    Raises:
        InputError: it cannot be read, or a line is none of these.
    """
    try:
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    full = [(number, line) for number, line in enumerate(lines, start=1) if line.strip()]
    if not full:
        raise InputError(f"{path}: holds no prompt; write one a line")
    for number, line in full:
        plain = path.suffix.lower() not in (".jsonl", ".json")
        yield (Said("user", line.strip()),) if plain else _row(line, where=f"{path}:{number}")


def _row(line: str, *, where: str) -> tuple[Said, ...]:
    try:
        found: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: no JSON ({error})") from error
    if isinstance(found, dict) and isinstance(found.get("prompt"), str):
        return (Said("user", found["prompt"]),)
    turns = found.get("messages") if isinstance(found, dict) else None
    if not isinstance(turns, list) or not turns:
        raise InputError(f'{where}: expected {{"prompt": ...}} or {{"messages": [...]}}')
    said = [Said(str(turn.get("role")), str(turn.get("content"))) for turn in turns
            if isinstance(turn, dict)]  # fmt: skip
    while said and said[-1].role == "assistant":
        said.pop()  # the answer is what is asked for
    if not said:
        raise InputError(f"{where}: nobody says anything before the answer")
    return tuple(said)
