"""A tuned model that answers, and its base beside it, with one of them in memory.

In: a folder with an adapter or a whole model, what was said so far. Out: the answer, piece by
piece. Never: trains, writes, runs code of the model's unless that was allowed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Thread
from typing import Any, Literal

from overnight.training.methods import quiet
from overnight.training.templates import NONE
from overnight.values.errors import InputError, ModelError, first_line

Who = Literal["tuned", "base"]
ADAPTER = "adapter_config.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How answers are drawn."""

    new_tokens: int = 256
    temperature: float = 0.7
    """0: always the most likely token."""
    top_p: float = 0.9
    seed: int = 42


@dataclass(frozen=True, slots=True)
class Said:
    """One turn of a conversation."""

    role: str
    content: str


class Talker:
    """The model of a run, or its base: whichever is asked for is in memory, the other is not."""

    def __init__(self, folder: Path, base: str, tokenizer: Any, *, device: str,
                 trust_remote_code: bool = False) -> None:  # fmt: skip
        self.folder, self.base, self.tokenizer, self.device = folder, base, tokenizer, device
        self._code = trust_remote_code
        self._adapter = (folder / ADAPTER).exists()
        self._model: Any = None
        self._held: Who | None = None

    def answer(self, prompt: str, who: Who, manner: Manner) -> Iterator[str]:
        """The continuation of a whole prompt as pieces of text, as they are generated.

        Raises:
            ModelError: the model cannot be loaded.
        """
        import torch
        from transformers import TextIteratorStreamer

        model = self._ready(who)
        ids = self._ids(prompt, model)
        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        torch.manual_seed(manner.seed)
        words: dict[str, Any] = {
            "input_ids": ids, "attention_mask": torch.ones_like(ids), "streamer": streamer,
            "max_new_tokens": manner.new_tokens, "use_cache": True,
            "pad_token_id": self._pad(), **_drawing(manner),
        }  # fmt: skip
        failed: list[BaseException] = []

        def work() -> None:
            try:
                with self._as(who), torch.no_grad():
                    model.generate(**words)
            except BaseException as error:  # told in the thread that reads
                failed.append(error)
                streamer.end()

        thread = Thread(target=work, daemon=True)
        thread.start()
        yield from streamer
        thread.join()
        if failed:
            raise ModelError(f"the model could not answer: {first_line(failed[0])}") from failed[0]

    def _ids(self, prompt: str, model: Any) -> Any:
        """The newest part of the prompt that leaves room for an answer."""
        tokens = self.tokenizer(prompt, add_special_tokens=False, verbose=False)["input_ids"]
        most = getattr(model.config, "max_position_embeddings", None) or 4096
        import torch

        return torch.tensor([tokens[-max(most // 2, 1) :]], device=self.device)

    def _pad(self) -> int:
        pad = self.tokenizer.pad_token_id
        return int(self.tokenizer.eos_token_id or 0) if pad is None else int(pad)

    def _as(self, who: Who) -> Any:
        from contextlib import nullcontext

        apart = self._adapter and who == "base"
        return self._model.disable_adapter() if apart else nullcontext()

    def _ready(self, who: Who) -> Any:
        """The model that is asked for; an adapter is switched off, whole weights change places."""
        needed = "tuned" if self._adapter else who
        if self._held != needed:
            self._model = None  # first gone, then loaded: never two of them
            self._model = self._load(needed)
            self._held = needed
        return self._model

    def _load(self, who: Who) -> Any:
        from transformers.utils import logging

        logging.disable_progress_bar()  # it would stand in the middle of the conversation
        options = {"trust_remote_code": self._code, "dtype": "auto"}
        try:
            if self._adapter:
                from peft import AutoPeftModelForCausalLM

                with quiet():
                    made = AutoPeftModelForCausalLM.from_pretrained(self.folder, **options)
            else:
                from transformers import AutoModelForCausalLM

                place = self.base if who == "base" else self.folder
                made = AutoModelForCausalLM.from_pretrained(place, **options)
        except (OSError, ValueError) as error:
            raise ModelError(f"{self.folder}: cannot be loaded: {first_line(error)}") from error
        return made.to(self.device).eval()


def _drawing(manner: Manner) -> dict[str, Any]:
    if manner.temperature <= 0:
        return {"do_sample": False, "temperature": None, "top_p": None, "top_k": None}
    return {"do_sample": True, "temperature": manner.temperature, "top_p": manner.top_p}


def prompt_of(tokenizer: Any, template: str, turns: Sequence[Said]) -> str:
    """What the model is given: the turns through the template of training, or as they are.

    A model that learnt plain text goes on from what was said last.

    Raises:
        InputError: the template refuses these turns.
    """
    if template == NONE:
        return turns[-1].content
    said = [{"role": turn.role, "content": turn.content} for turn in turns]
    try:
        text: str = tokenizer.apply_chat_template(said, tokenize=False, add_generation_prompt=True)
    except Exception as error:  # templates come with models and raise what they like
        raise InputError(f"the chat template refuses this: {first_line(error)}") from error
    return text


def device(*, busy: bool, wanted: str | None = None) -> str:
    """Where to answer: a card, but not one that a night of this machine is training on.

    Raises:
        InputError: the one that was asked for is not there.
    """
    import torch

    if wanted is not None:
        try:
            torch.empty(1, device=wanted)
        except (RuntimeError, AssertionError) as error:
            raise InputError(f"--device {wanted}: {first_line(error)}") from error
        return wanted
    if busy:
        return "cpu"
    return "cuda" if torch.cuda.is_available() else "mps" if _mps() else "cpu"


def _mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())
