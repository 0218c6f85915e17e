"""The ladder down when memory runs out: a smaller candidate with the same effective batch.

In: a Candidate. Out: the next smaller one, or None. Never: a change of what a step means.
"""

from dataclasses import replace

from overnight.values.plan import Candidate


def smaller(candidate: Candidate) -> Candidate | None:
    """Half the micro-batch and twice the accumulation; at one row checkpointing is turned on,
    then for all layers.

    An odd micro-batch is rounded down and the accumulation up, so that a step's rows are never
    fewer; how a step is cut into micro-batches does not change its loss (DESIGN 5).
    """
    rows = candidate.per_device_train_batch_size
    if rows > 1:
        half = rows // 2
        wanted = rows * candidate.gradient_accumulation_steps
        return replace(
            candidate,
            per_device_train_batch_size=half,
            gradient_accumulation_steps=-(-wanted // half),
        )
    if not candidate.gradient_checkpointing:
        return replace(candidate, gradient_checkpointing=True)
    if candidate.checkpoint_every > 1:
        return replace(candidate, checkpoint_every=1)
    return None
