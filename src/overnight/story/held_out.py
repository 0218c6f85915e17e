"""The held-out rows of a night: how many a window allows, and the base model's losses on them.

In: the live stage. Out: its held-out parts cut, base.json in the run folder. Never: trains.
"""

import numpy as np

from overnight.codec import from_json
from overnight.story.stage import Stage
from overnight.training import sealed
from overnight.values.cadence import LOOK_SHARE
from overnight.values.errors import InputError

BASE = "base.json"
LEAST_ROWS = 20


def limit(on: Stage) -> None:
    """In a short window both parts are cut to what a look may cost; never under 20 rows."""
    if on.ends_at is None:
        return
    rows = on.keeper.held_out["select"][:LEAST_ROWS]
    begun = on.now
    on.session.evaluate(rows)
    seconds = max((on.now - begun) / len(rows), 1e-6)
    window = on.ends_at - on.started_at
    most = on.session.agreed(max(LEAST_ROWS, int(LOOK_SHARE * window / seconds)))
    _cut(on, most)


def _cut(on: Stage, most: int) -> None:
    on.keeper.held_out = {part: rows[:most] for part, rows in on.keeper.held_out.items()}


def remember_base(on: Stage) -> None:
    """The base's row losses, for the paired comparison of a night that was resumed."""
    if on.teller.main:
        seen = {part: sums for (part, base), (sums, _) in on.keeper.rows.items() if base}
        rows = {part: sums.tolist() for part, sums in seen.items()}
        sealed.write(on.teller.run_folder / BASE, rows)


def recall_base(on: Stage) -> None:
    """What `remember_base` wrote, and the same rows as then."""
    try:
        rows = from_json(sealed.read(on.teller.run_folder / BASE), dict[str, list[float]])
    except (InputError, ValueError):
        on.teller.note(f"{BASE}, the base model's row losses, is gone or damaged; its gain is "
                       "given without interval")  # fmt: skip
        return
    for part, held in on.keeper.held_out.items():
        sums = np.asarray(rows.get(part, ()), dtype=np.float64)
        if len(sums):
            on.keeper.held_out[part] = held[: len(sums)]
            counts = on.session.corpus.learnt[np.asarray(held[: len(sums)])]
            on.keeper.rows[part, True] = (sums, counts)
