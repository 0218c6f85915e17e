"""What lies on the disk when an arm has been killed: artefacts, the newest first.

In: an arm's folder. Out: folders that may hold a model. Never: opens one (the judge does), a file's
time of change.
"""

import re
from pathlib import Path

FINAL = "final"
"""Where every arm puts what it has when it comes to its own end."""
WEIGHTS = ("model.safetensors", "adapter_model.safetensors", "model.safetensors.index.json")
_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


def artefacts(folder: Path) -> list[Path]:
    """`final/`, then the checkpoints from the highest step down; only such as hold weights."""
    if not folder.is_dir():
        return []
    numbered = [(int(found[1]), path) for path in folder.iterdir()
                if (found := _CHECKPOINT.fullmatch(path.name)) is not None]  # fmt: skip
    ranked = [folder / FINAL, *(path for _, path in sorted(numbered, reverse=True))]
    return [path for path in ranked if any((path / name).exists() for name in WEIGHTS)]
