"""Logits in chunks, where those of a whole micro-batch would take much of the memory.

In: a question, a candidate. Out: the candidate, and where it is worth a thought also the one whose
loss is computed chunk by chunk. Never: which of them is taken (ranking.py).
"""

from dataclasses import replace

from overnight.planning.activations import OURS
from overnight.planning.question import Question
from overnight.planning.shapes import most_places
from overnight.values.facts import Hardware
from overnight.values.plan import Candidate

MUCH = 0.125
"""Of the free memory: logits above it are worth a second pass of the head's products. (8 B
parameters, 128,256 words: 3 % more operations with LoRA; 16,384 positions take 25 GB at once.)"""
LEAST = 256
"""Positions of a chunk; fewer would multiply narrow matrices, which is slow."""
OWN_LOGITS = ("Gemma2", "Gemma3n", "Granite", "Cohere", "MiniCPM", "Gemma4")
"""Those that scale or cap what the head gives: their logits are cut from the model's own, which
makes them all at once (training/losses.py finds that out by trying)."""


def ways(question: Question, candidate: Candidate) -> tuple[Candidate, ...]:
    """The candidate as it is, and in chunks where its logits take much of the memory."""
    size = chunk(question.hardware, candidate, question.model.vocab_size)
    if not size or question.model.architecture.startswith(OWN_LOGITS):
        return (candidate,)
    return candidate, replace(candidate, loss_chunk_size=size)


def chunk(hardware: Hardware, candidate: Candidate, vocabulary: int) -> int:
    """Positions whose logits take `MUCH` of the memory; 0 where all of them take less."""
    copies = candidate.processes if hardware.device == "cpu" else 1
    most = MUCH * hardware.memory_free_bytes / copies / (OURS.logit_bytes * vocabulary)
    whole = candidate.per_device_train_batch_size * candidate.max_length
    whole = min(whole, most_places(candidate) or whole)
    return 0 if whole <= most else max(LEAST, int(most) // LEAST * LEAST)
