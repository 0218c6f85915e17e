"""Short answers to a few prompts, for people to read before and after.

In: a live session, prompts as token ids. Out: text. Never: draws from a training random state,
takes longer than it is allowed.
"""

from collections.abc import Sequence
from typing import Any

from overnight.training import state
from overnight.training.session import Session

NEW_TOKENS = 48
SECONDS = 5.0
"""Most that one answer may take; generation ends there."""


def answer(session: Session, prompt: Sequence[int], tokenizer: Any, *,
           seconds: float = SECONDS) -> str:  # fmt: skip
    """The most likely continuation (greedy), without its special tokens, as far as it comes in so
    many seconds."""
    import torch

    device = session.accelerator.device
    ids = torch.tensor([list(prompt)[-session.corpus.max_length :]], device=device)
    with state.undisturbed(session.model), torch.no_grad(), session.accelerator.autocast():
        written = session.model.generate(
            input_ids=ids,
            attention_mask=torch.ones_like(ids),
            max_new_tokens=NEW_TOKENS,
            max_time=seconds,
            do_sample=False,
            pad_token_id=session.pad_id,
            use_cache=True,
        )
    text: str = tokenizer.decode(written[0, ids.shape[1] :], skip_special_tokens=True)
    return text.strip()
