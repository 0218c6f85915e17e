"""Pages and their translations: rendered from a text in two languages, or a folder of images.

In: pairs of texts, or a folder with `a.png` beside `a.txt`. Out: examples of `pixel_values` and
`labels`. Never: a page whose text does not fit drawn cut off without a word.
"""

import json
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont

MEAN = STD = 0.5
SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".webp")


@dataclass(frozen=True, slots=True)
class Page:
    """A page and what it says in the other language."""

    image: Image.Image
    text: str
    name: str


def rendered(text: str, size: tuple[int, int], *, font_size: int) -> Image.Image:
    """A page of this many pixels (width, height) with a text on it.

    Raises:
        ValueError: the text does not fit.
    """
    page = Image.new("L", size, 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(font_size)
    letters = max(int(size[0] / draw.textlength("n", font)) - 2, 8)
    lines = [line for part in text.splitlines() for line in textwrap.wrap(part, letters) or [""]]
    height = round(1.3 * font_size)
    if (len(lines) + 1) * height > size[1]:
        raise ValueError(f"{len(lines)} lines do not fit on a page of {size[1]} pixels")
    for at, line in enumerate(lines):
        draw.text((font_size, height // 2 + at * height), line, font=font, fill=0)
    return page


def from_texts(path: Path, source: str, target: str, size: tuple[int, int], *,
               font_size: int) -> list[Page]:  # fmt: skip
    """A page for every sentence-like piece of a file with a text in several languages a line."""
    found = []
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        ours, theirs = pieces(row.get(source)), pieces(row.get(target))
        if len(ours) != len(theirs):
            continue  # not the same sentences side by side
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            found.append((one, other, f"{row.get('part')}.{at}"))
    made = []
    for one, other, name in found:
        try:
            made.append(Page(rendered(one, size, font_size=font_size), other, name))
        except ValueError:
            continue
    return made


def pieces(text: Any) -> list[str]:
    """Its paragraphs."""
    return [one.strip() for one in str(text or "").splitlines() if one.strip()]


def from_folder(folder: Path) -> list[Page]:
    """Every image with a text of its name beside it."""
    images = sorted(one for one in folder.iterdir() if one.suffix.lower() in SUFFIXES)
    pairs = [(one, one.with_suffix(".txt")) for one in images]
    return [Page(Image.open(one).convert("L"), text.read_text("utf-8").strip(), one.stem)
            for one, text in pairs if text.exists()]  # fmt: skip


def pixels(image: Image.Image, size: tuple[int, int]) -> torch.Tensor:
    """3 x height x width, -1 to 1."""
    values = np.asarray(image.resize(size).convert("L"), dtype=np.float32) / 255.0
    return torch.from_numpy((values - MEAN) / STD).expand(3, -1, -1).contiguous()


class Pages(torch.utils.data.Dataset[dict[str, Any]]):
    """Examples for a Trainer."""

    def __init__(self, pages: Sequence[Page], tokenizer: Any, size: tuple[int, int], *,
                 max_length: int, blind: bool = False) -> None:  # fmt: skip
        self.pages, self._size, self._blind = pages, size, blind
        self._labels = [tokenizer(page.text, truncation=True, max_length=max_length)["input_ids"]
                        for page in pages]  # fmt: skip

    def __len__(self) -> int:
        return len(self.pages)

    def __getitem__(self, at: int) -> dict[str, Any]:
        """A page and the tokens of its translation."""
        seen = pixels(self.pages[at].image, self._size)
        return {"pixel_values": torch.zeros_like(seen) if self._blind else seen,
                "labels": self._labels[at]}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Collated:
    """Pads labels with what no loss is taken of."""

    ignored: int = -100

    def __call__(self, rows: list[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """A batch: `pixel_values` (rows x 3 x height x width), `labels` (rows x length)."""
        width = max(len(row["labels"]) for row in rows)
        labels = torch.full((len(rows), width), self.ignored)
        for at, row in enumerate(rows):
            labels[at, : len(row["labels"])] = torch.tensor(row["labels"])
        return {
            "pixel_values": torch.stack([row["pixel_values"] for row in rows]),
            "labels": labels,
        }
