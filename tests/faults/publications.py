"""What is killed: publications, with a load test and in the last moment, first and repeated.

In, out, never: as tests/faults/scenes.py has it.
"""

from pathlib import Path
from typing import Any

from tests.faults.killing import Gate
from tests.faults.live import EVERY, content, rubbish
from tests.faults.scenes import Scene

from overnight.training import export, journal, lineage


class Publish(Scene):
    """A checkpoint becomes `final/`, tested by loading it; one may stand there already."""

    again = False
    linked = False

    def prepare(self, folder: Path) -> None:
        from transformers import AutoTokenizer

        super().prepare(folder)
        AutoTokenizer.from_pretrained(self.base).save_pretrained(folder / export.TOKENIZER)
        live, tokens = self.live(folder).open(), list(range(5, 25))
        live.begin_from(folder / f"checkpoint-{2 * EVERY}")
        loss = live.session.loss_of(tokens)
        live.journal.close()
        if self.again:
            export.put_in_place(folder, export.stage(folder, f"checkpoint-{EVERY}"))
        probe = export.Probe(name=f"checkpoint-{2 * EVERY}", tokens=tokens, loss=loss)
        export.write_probe(folder, probe)

    def act(self, folder: Path, gate: Gate) -> None:
        from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

        gate()
        self.publish(folder)

    def publish(self, folder: Path) -> None:
        name = f"checkpoint-{2 * EVERY}"
        if not self.linked:
            export.publish(folder, name)
            return
        export.clear(folder)
        export.put_in_place(folder, export.stage(folder, name, linked=True))

    def undisturbed(self, folder: Path) -> dict[str, Any]:
        old = folder / "set-aside" / "final-1"
        return {"new": content(folder / export.FINAL), "old": content(old) if self.again else {}}

    def check(self, folder: Path) -> dict[str, Any]:
        final = folder / export.FINAL
        there = content(final) if final.exists() else {}
        wrong = []
        if there not in (self.truth["new"], self.truth["old"]):
            wrong.append("final/ is neither the old one nor the new one, whole")
        if there and export.damage(folder):
            wrong.append(export.damage(folder))
        was = "new" if there == self.truth["new"] else "old" if there else "none"
        found = lineage.tidy(folder, journal.read(folder))
        self.publish(folder)
        if content(final) != self.truth["new"] or found.step != 2 * EVERY:
            wrong.append("it cannot be published again")
        wrong += [f"left: {rubbish(folder)}"] if rubbish(folder) else []
        return {"wrong": "; ".join(wrong), "was": was}


class Republish(Publish):
    """The same over an older `final/`."""

    again = True


class LastMoment(Publish):
    """The same with no time for a test: by links."""

    linked = True


class LastMomentAgain(Publish):
    """By links, over an older `final/`."""

    again = linked = True
