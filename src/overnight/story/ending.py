"""The ending: keep the last state, choose the best, read the test part once, say what was chosen.

In: the live stage after training has stopped. Out: the event `Chosen` in the journal. Never: starts
what cannot be finished before publishing must begin; publishes.
"""

from collections.abc import Callable

from overnight.planning import search
from overnight.story.opening import write_answers
from overnight.story.stage import Stage
from overnight.training import lineage
from overnight.training.disk import DiskTrouble, release_ballast
from overnight.training.export import Probe, write_probe
from overnight.training.lineage import Found
from overnight.training.loop import Loop
from overnight.values.ledger import Answered, Chosen, Entry, Evaluated, Loss, Stopped

PROBE_TOKENS = 64
SAVE_FACTOR = 1.5
"""On the dearest save seen, as in the reserve: one that may not end in time is not begun."""
LEFT = {
    "signal": "healthy to its last step, ended by a signal",
    "session": "healthy to its last step, left for another session to go on",
}
"""Ends after which nothing is looked at any more, and why what they leave may be published."""


def end(on: Stage, loop: Loop, stopped: Stopped) -> None:
    """Saves, evaluates, chooses.

    Raises:
        NoPlanFits: not one step fitted into the window.
    """
    deadline = loop.course.deadline
    if stopped.step == 0 and stopped.reason == "window" and on.plan.window_seconds is not None:
        raise search.too_short(on.plan.window_seconds, on.now - on.started_at, deadline.reserve)
    on.teller.state = "ending"
    hurried = on.session.agreed(SAVE_FACTOR * deadline.save_seconds > on.waits())
    if deadline.saved_step != stopped.step and not hurried:
        # What was set aside for this moment on a full disk; nothing is written after it.
        saved = on.keeper.save(on.session)
        if saved is None and on.session.agreed(_released(on)):
            saved = on.keeper.save(on.session)
        if saved is not None:
            on.teller.tell(loop.happened(saved))
    if stopped.reason in LEFT:
        if loop.course.health.verdict == "well":
            on.teller.all(on.keeper.promote_all(LEFT[stopped.reason]))
        on.leave()
        return  # nobody waits for looks; the newest promoted checkpoint is published
    on.safe()
    _choose(on, loop, looked=_looked(on, loop, stopped.step))


def _released(on: Stage) -> bool:
    return on.teller.main and release_ballast(on.teller.run_folder)


def _looked(on: Stage, loop: Loop, step: int) -> bool:
    """Whether the last state has a *select* loss; without time for one its health must do."""
    if loop.course.deadline.evaluated_step == step:
        return True
    seen = on.keeper.evaluate(on.session) if _room(on, loop, "select") else None
    if seen is not None:
        on.teller.tell(loop.happened(seen))
        on.teller.all(on.keeper.promotions(seen, loop.course.health))
        return True
    if loop.course.health.verdict == "well":
        on.teller.all(on.keeper.promote_all("healthy to its last step, no time to look at it"))
    return False


def _room(on: Stage, loop: Loop, part: str) -> bool:
    """Whether a look at this part and publishing still fit before the deadline."""
    deadline = loop.course.deadline
    prices = {"select": deadline.select_seconds, "test": deadline.test_seconds}
    cost = prices.get(part, on.answer_seconds)
    if deadline.ends_at is None:
        return True
    fits = on.now + cost + on.publish_seconds + 0.5 * deadline.reserve.margin
    return on.session.agreed(fits <= deadline.ends_at)


def _choose(on: Stage, loop: Loop, *, looked: bool) -> None:
    """Says what is to be published before the test part is read, and again with its loss."""
    best, why = _best(on, looked=looked)
    if best.path is None:
        on.teller.note("no checkpoint is whole and healthy; nothing can be chosen")
        return
    if best.step != on.session.progress.step:
        on.session.restore(best.path)
    if on.teller.main:
        _leave_probe(on, best.name)
    on.teller.tell(_chosen(on, best, why, None))
    seen = on.keeper.measure(on.session, "test") if _room(on, loop, "test") else None
    if seen is not None:
        on.teller.tell(loop.happened(seen))
        on.teller.tell(_chosen(on, best, why, seen.loss))
    asked = any(isinstance(entry.event, Answered) for entry in on.teller.entries)
    if on.session.agreed(asked) and _room(on, loop, "answers"):
        write_answers(on, "after")


def _leave_probe(on: Stage, name: str) -> None:
    try:
        write_probe(on.teller.run_folder, _probe(on, name))
    except DiskTrouble as trouble:
        on.teller.note(f"the loss of the published model cannot be compared: {trouble}")


def _chosen(on: Stage, best: Found, why: str, test: Loss | None) -> Chosen:
    entries = on.teller.entries
    figures = {
        "base": _newest(entries, lambda seen: seen.base and seen.part == "test"),
        "test": test,
        "base_select": _newest(entries, lambda seen: seen.base and seen.part == "select"),
        "select": _newest(entries, lambda seen: seen.part == "select" and seen.step == best.step),
    }
    gain = on.keeper.gain() if test is not None else None
    return Chosen(
        step=best.step,
        name=best.name,
        why=why,
        loss={name: figure for name, figure in figures.items() if figure is not None},
        gain=gain,
        keep="base" if gain is not None and gain.high < 0 else "tuned",
    )


def _best(on: Stage, *, looked: bool) -> tuple[Found, str]:
    """The checkpoint to publish: the lowest *select* loss, or the last if that was asked for."""
    folder, entries = on.teller.run_folder, on.teller.entries
    last = on.session.agreed(lineage.newest_promoted(folder, entries))
    if not on.plan.candidate.load_best_model_at_end:
        return last, "the last one, as load_best_model_at_end=false asks"
    best = on.session.agreed(lineage.best_whole(folder, entries))
    if best.path is None or not looked:
        return last, "the newest healthy one; there was no time to compare"
    why = "the last one" if best.name == last.name else "an earlier one"
    return best, f"{why}, with the lowest loss on the select part"


def _newest(entries: list[Entry], wanted: Callable[[Evaluated], bool]) -> Loss | None:
    seen = (entry.event for entry in reversed(entries) if isinstance(entry.event, Evaluated))
    return next((event.loss for event in seen if wanted(event)), None)


def _probe(on: Stage, name: str) -> Probe:
    """The first tokens of a held-out row and their loss, in evaluation mode."""
    row = int(on.keeper.held_out["select"][0])
    tokens = on.session.corpus.encoded.row(row, PROBE_TOKENS)[0].tolist()
    return Probe(
        name=name,
        tokens=tokens,
        loss=on.session.loss_of(tokens),
        compare=on.plan.candidate.method != "qlora",
    )
