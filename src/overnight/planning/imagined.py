"""Data that nobody has shown: so many rows of so many tokens on average.

In: two figures. Out: a DatasetProfile whose row lengths are spread as real data's are. Never: data.
"""

import math
from statistics import NormalDist

from overnight.values.facts import DatasetProfile

POINTS = 201
"""Quantiles, as `DatasetProfile.row_lengths` has them."""
SPREAD = 0.5
"""Standard deviation of log row lengths: 0.33 to 0.96 over seven real sets of chats, instructions
and counselling (gsm8k, self_dialogue, smilechat, Alpaca en and zh, ShareGPT, tool calls), median
0.49."""
LONGEST = 2.6
"""In standard deviations: the longest row is then 3.2 times the mean; 1.8 to 4.5 in those sets."""
PART_SHARE, PART_MOST, PART_LEAST = 0.05, 1000, 20
"""Held-out parts as DESIGN 5 sizes them."""


def imagined(samples: int, tokens: int) -> DatasetProfile:
    """`samples` rows (at least two) of `tokens` tokens in the mean, all of them learnt."""
    lengths = _lengths(tokens)
    part = max(1, min(max(int(PART_SHARE * samples), PART_LEAST), PART_MOST, samples // 3))
    train = max(samples - 2 * part, 1)
    return DatasetProfile(
        path=f"{samples:,} imagined rows of {tokens:,} tokens",
        format="imagined",
        fingerprint="",
        num_rows=samples,
        num_train=train,
        num_select=part,
        num_test=part,
        shared_heldout=False,
        num_tokens=samples * tokens,
        learnt_tokens=samples * tokens,
        train_tokens=train * tokens,
        length_percentiles=tuple(lengths[place] for place in (0, 100, 180, 198, 200)),  # type: ignore[arg-type]
        chat_template="none",
        row_lengths=lengths,
    )


def _lengths(mean: int) -> tuple[int, ...]:
    """Quantiles of a log-normal that is cut off at both ends, with this mean."""
    ends = (NormalDist().cdf(-LONGEST), NormalDist().cdf(LONGEST))
    shares = (ends[0] + (ends[1] - ends[0]) * at / (POINTS - 1) for at in range(POINTS))
    raw = [math.exp(SPREAD * NormalDist().inv_cdf(share)) for share in shares]
    factor = mean * (len(raw) - 1) / (sum(raw) - (raw[0] + raw[-1]) / 2)
    return tuple(max(1, round(factor * length)) for length in raw)
