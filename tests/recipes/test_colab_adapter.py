"""Guide 1's notebook: run whole, then again after a disconnect that took the disk."""

import json
import shutil

import pytest
from tests.recipes.copied import Copied

pytestmark = pytest.mark.recipes


@pytest.fixture(scope="module")
def recipe(shared_data, tmp_path_factory):
    made = Copied.of("colab-adapter", tmp_path_factory.mktemp("colab"))
    rows = (shared_data / "gsm8k/train.jsonl").read_text("utf-8").splitlines()[:600]
    (made.folder / "chats.jsonl").write_text("\n".join(rows) + "\n", "utf-8")
    return made


def said(notebook):
    """Everything that its cells printed."""
    outputs = (out for cell in notebook.cells for out in cell.get("outputs", ()))
    return "".join(out.get("text", "") for out in outputs)


def run(recipe, monkeypatch, only=None):
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    told = {"RECIPE_DATA": "chats.jsonl", "RECIPE_MODEL": "base", "RECIPE_WITHIN": "30s",
            "RECIPE_DRIVE": str(recipe.folder / "drive")}  # fmt: skip
    for name, value in {**recipe.around, **told}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(recipe.folder / "adapter.ipynb", as_version=4)
    if only:
        notebook.cells = [
            cell for cell in notebook.cells if any(mark in cell.source for mark in only)
        ]
    here = {"metadata": {"path": str(recipe.folder)}}
    client = nbclient.NotebookClient(notebook, timeout=300, kernel_name="python3", resources=here)
    client.execute()
    return said(notebook)


@pytest.mark.filterwarnings("ignore")
def test_the_notebook_runs_whole_and_its_training_cell_again_after_a_disconnect(
    recipe, monkeypatch
):
    first = run(recipe, monkeypatch)
    assert "In time" in first and "adapter.zip" in first and "not on Colab" in first
    assert "Copied checkpoint-" in first
    drive, here = recipe.folder / "drive", recipe.folder / "adapter_training"
    assert sorted(path.name for path in here.glob("checkpoint-*")) == sorted(
        path.name for path in drive.glob("checkpoint-*"))  # fmt: skip
    assert (here / "final/adapter_model.safetensors").is_file()

    shutil.rmtree(here)  # what a disconnect leaves of Colab's disk
    shutil.rmtree(drive / "final")
    (drive / "report.json").unlink()
    journal = drive / "events.jsonl"
    lines = journal.read_text("utf-8").splitlines(keepends=True)
    ended = next(at for at, line in enumerate(lines) if json.loads(line)["kind"] == "Stopped")
    journal.write_text("".join(lines[:ended]), "utf-8")
    second = run(recipe, monkeypatch, only=("# 2. All that", "# 7. Train"))
    assert "Restored checkpoint-" in second and "Found checkpoint: checkpoint-" in second
    assert (here / "final/adapter_model.safetensors").is_file()
