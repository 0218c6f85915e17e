"""Guide 4's recipe: its imports, its config, its 12B plan, and a real window in small."""

import json

import pytest
from tests.recipes.copied import Copied

pytestmark = pytest.mark.recipes


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return Copied.of("twelve-hour-window", tmp_path_factory.mktemp("window"))


def test_the_guides_own_lines_run_unchanged(recipe):
    lines = (
        "from training_optimizer import H100OptimizationProfile, optimize_for_dataset\n"
        "p, e, a = optimize_for_dataset(num_samples=8000, avg_tokens_per_sample=500,\n"
        "                               num_epochs=3, priority='balanced', max_hours=12.0)\n"
        "print(e.total_steps, round(e.estimated_hours, 2), e.fits_in_window)\n"
        "print(H100OptimizationProfile(batch_size=6, gradient_accumulation_steps=6,\n"
        "      max_length=3072, num_workers=4, use_gradient_checkpointing=True,\n"
        "      use_bf16=True,\n"
        "      use_fused_optimizer=True, estimated_throughput=600.0, memory_usage_gb=65.0).rows)\n"
    )
    done = recipe.run("-c", lines)
    assert (done.status, done.said.split("\n")[-3:]) == (0, ["750 4.17 True", "36", ""])


def test_its_twelve_billion_are_planned_with_nothing_there(recipe):
    done = recipe.run("train_optimized.py")
    assert done.status == 0, done.said
    assert "Dataset: 8,000 samples, 500 tokens on average" in done.said
    assert "balanced: 750 steps, 4.17 h, fits into 11.5 h" in done.said
    plain = " ".join(done.said.split())
    assert "12.25 B parameters" in plain and "H100 SXM" in plain


def test_a_window_in_small_ends_in_time_and_the_next_one_knows_more(recipe, shared_data):
    rows = (shared_data / "smilechat_8000/smilechat_2000.jsonl").read_text("utf-8").splitlines()
    short = sorted(rows, key=len)[:150]
    (recipe.folder / "chats.jsonl").write_text("\n".join(short) + "\n", "utf-8")
    done = recipe.run("train_optimized.py", "chats.jsonl", "--model", "base", "--within", "45s")
    assert done.status == 0, done.said
    assert "By the guide's figures:" in done.said and "in time" in done.said.lower()
    (report,) = recipe.folder.glob("runs/*/report.json")
    told = json.loads(report.read_text("utf-8"))
    assert {"timestamp", "max_training_hours", "profile_name", "profile", "estimate", "actual",
            "accuracy"} <= told.keys()  # fmt: skip
    after = recipe.run("-m", "overnight", "history", "--json")
    assert (after.status == 0 and "chats.jsonl" in after.said) or json.loads(after.said)
