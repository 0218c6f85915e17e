"""What the model writes on pages that it never saw: BLEU and chrF with intervals, pictures."""

import base64
import html
import io
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sacrebleu
import torch

from dimtda.pages import Page, Pages

DRAWN, ROWS = 500, 8
STYLE = """body{font:16px sans-serif;max-width:60em;margin:auto;padding:1em}
img{max-width:100%;border:1px solid #888}"""


def written(model: Any, tokenizer: Any, shown: Pages, *, max_length: int) -> list[str]:
    """The model's translations, greedily."""
    model.eval()
    found: list[str] = []
    for at in range(0, len(shown), ROWS):
        rows = [shown[n]["pixel_values"] for n in range(at, min(at + ROWS, len(shown)))]
        with torch.no_grad():
            ids = model.generate(torch.stack(rows).to(model.device), max_new_tokens=max_length,
                                 do_sample=False)  # fmt: skip
        found += tokenizer.batch_decode(ids, skip_special_tokens=True)
    return [text.strip() for text in found]


def judged(said: Sequence[str], true: Sequence[str], *, seed: int = 1) -> dict[str, Any]:
    """BLEU and chrF of all pages, with 95 % intervals over pages drawn again."""
    drawn = random.Random(seed)
    exact = sum(a == b for a, b in zip(said, true, strict=True))
    found: dict[str, Any] = {"pages": len(true), "exact": exact}
    for name, score in (("bleu", sacrebleu.corpus_bleu), ("chrf", sacrebleu.corpus_chrf)):
        again = []
        for _ in range(DRAWN):
            at = [drawn.randrange(len(true)) for _ in true]
            again.append(score([said[n] for n in at], [[true[n] for n in at]]).score)
        again.sort()
        found[name] = {"score": round(score(list(said), [list(true)]).score, 2),
                       "low": round(again[round(0.025 * DRAWN)], 2),
                       "high": round(again[round(0.975 * DRAWN) - 1], 2)}  # fmt: skip
    return found


def page(pages: Sequence[Page], said: Sequence[str], told: str, *, most: int = 12) -> str:
    """A page of pictures with what was written beside what is true."""
    parts = ["<!doctype html><meta charset=utf-8><title>Pages</title>",
             f"<style>{STYLE}</style><h1>Pages</h1><pre>{html.escape(told)}</pre>"]  # fmt: skip
    for one, text in list(zip(pages, said, strict=True))[:most]:
        raw = io.BytesIO()
        one.image.save(raw, "png")
        picture = base64.b64encode(raw.getvalue()).decode()
        parts += [f"<h2>{html.escape(one.name)}</h2>",
                  f'<img alt="the page" src="data:image/png;base64,{picture}">',
                  f"<p><b>written</b> {html.escape(text)}</p>",
                  f"<p><b>true</b> {html.escape(one.text)}</p>"]  # fmt: skip
    return "".join(parts)


def keep(path: Path, text: str) -> None:
    """The whole file or nothing."""
    part = path.with_suffix(".part")
    part.write_text(text, "utf-8")
    part.replace(path)
