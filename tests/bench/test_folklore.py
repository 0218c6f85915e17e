"""The page of the guides' claims: every figure on it is one that somebody measured."""

import math
from typing import Any

import pytest

import folklore
import folklore_claims
import folklore_guide2
import folklore_runs
from folklore_claims import FALSE, HOLDS, UNMEASURED, Claim


def spread(low: float, mid: float, high: float, n: int = 4) -> dict[str, float]:
    return {"low": low, "mid": mid, "high": high, "n": n}


def setting(name: str, **more: Any) -> dict[str, Any]:
    quality = {"quality": spread(80.0, 90.0, 99.0), "loss": spread(3.9, 4.0, 4.1)}
    return {"name": name, "speed": spread(0.98, 1.02, 1.07), "troubles": {}, "at_time": quality,
            "at_work": quality, "job_seconds": spread(90.0, 100.0, 110.0),
            "learnt_per_second": spread(9.0, 10.0, 11.0), "peak_bytes": 2**29} | more  # fmt: skip


def result(*settings: dict[str, Any]) -> dict[str, Any]:
    return {"model": "m", "data": "d", "machine": "x", "seeds": 2, "seconds": 60.0, "rows": 373,
            "settings": list(settings)}  # fmt: skip


def bot(**aggressive: Any) -> dict[str, Any]:
    names = ("baseline", "optimized", "overnight")
    return result(*map(setting, names), setting("aggressive", **aggressive))


def line(results: dict[str, Any], says: str) -> str:
    claim = next(one for one in folklore.CLAIMS if one.says == says)
    return folklore.row(claim, results)


def test_a_claim_whose_run_is_missing_is_not_measured_yet() -> None:
    for claim in folklore.CLAIMS:
        found, _, _ = folklore.settled(claim, {})
        measured = claim.run in ("arithmetic", *folklore.PAGES)
        assert (found.measured == UNMEASURED) == (not measured), claim.says


def test_a_run_settles_its_claims_with_interval_machine_and_command() -> None:
    said = line({"bot": bot()}, "together 2.6x, measured")
    assert "1.02x (0.98 to 1.07) as fast" in said and f"| {FALSE}: less |" in said
    assert "m, d, x; 2 seeds of 60 s, 373 held-out rows" in said
    assert "`python bench/folklore.py --run bot`" in said


def test_a_claim_within_the_interval_holds_here() -> None:
    said = line({"bot": bot()}, "95 to 98 % quality")
    assert "90 % (80 to 99) of its gain after the same work" in said and HOLDS in said


def test_trouble_is_counted_where_safety_is_claimed() -> None:
    calm = line({"bot": bot()}, "risk: moderate (low in the table)")
    sick = line({"bot": bot(troubles={"rewound": 2, "clipped": 9})},
                "risk: moderate (low in the table)")  # fmt: skip
    assert "no step dropped" in calm and "2 rewound" in sick and "clipped" not in sick


def test_every_claim_names_a_run_that_there_is() -> None:
    known = {run.name for run in folklore_runs.RUNS} | {"", "arithmetic", "epochs", *folklore.PAGES}
    assert {claim.run for claim in folklore.CLAIMS} <= known


def test_every_comparison_settles_something() -> None:
    assert {run.name for run in folklore_runs.RUNS} <= {claim.run for claim in folklore.CLAIMS}


def test_every_judge_finds_its_settings_in_its_run() -> None:
    runs = {run.name: result(*map(setting, run.settings)) for run in folklore_runs.RUNS}
    nights = {name: {"seconds": 10.0, "base": {"loss": 6.0}, "test": {"loss": 4.0}}
              for name in folklore_runs.NIGHTS}  # fmt: skip
    page = folklore.page(runs | {"epochs": nights})
    unmeasured = [one for one in folklore.CLAIMS if one.judge is None]
    assert page.count(f"| {UNMEASURED} |") == len(unmeasured)


def rates(*losses: float) -> dict[str, Any]:
    """A comparison of four rates with these losses."""
    pairs = zip(folklore_runs.RATES[32], losses, strict=True)
    return result(*(setting(name, at_work={"loss": spread(0, loss, 0)}) for name, loss in pairs))


def test_a_setting_that_was_left_out_of_its_run_was_not_measured() -> None:
    claim = next(one for one in folklore.CLAIMS if one.run == "bot" and "2.6x" in one.says)
    found, _, _ = folklore.settled(claim, {"bot": result(setting("baseline"))})
    assert found.measured == UNMEASURED


def test_rates_that_are_best_at_the_edge_are_said_to_be_unbracketed() -> None:
    claim = folklore_guide2.best_rate(32, 2.5e-4, 2.5e-4)
    assert claim.judge is not None
    found = claim.judge(rates(4.2, 4.1, 4.0, 4.3))
    assert found.measured.startswith("best of those tried 0.000283:") and found.verdict == FALSE
    edge = claim.judge(rates(4.3, 4.2, 4.1, 4.0))
    assert "(at the edge)" in edge.measured and "not bracketed" in edge.verdict


@pytest.mark.parametrize("gives, figure", [
    ("16,667 s = 4.63 h", 20_000 * 500 * 2 / 1200),
    ("30,000 s = 8.33 h", 5_000 * 600 * 4 / 400),
    ("45,438 s, 12.6 h", 1969 * 30 / 1.3),
    ("118,140 s, 32.8 h", 3938 * 30),
    ("= 49", None),
])  # fmt: skip
def test_the_guides_arithmetic_is_ours_too(gives: str, figure: float | None) -> None:
    told = [one.judge({}).measured for one in folklore.CLAIMS
            if one.run == "arithmetic" and one.judge is not None]  # fmt: skip
    assert any(gives in measured for measured in told)
    if figure is None:
        assert round(240 * 0.6 * 0.5 * 0.75 * 0.9) == 49
    else:
        assert f"{figure:,.0f} s" in gives and f"{figure / 3600:.4g}"[:4] in gives


def test_progressive_batches_of_the_guide_never_reach_their_third_phase() -> None:
    assert 500 * 64 + 1000 * 32 > 63_000
    assert math.ceil((63_000 - 500 * 64) / 32) + 500 == 1469


def test_a_cell_of_a_page_is_found_by_how_its_row_begins() -> None:
    assert folklore_claims.cell("accumulation.md", "lora", "1", column=4).startswith("1.00")
    with pytest.raises(KeyError):
        folklore_claims.cell("accumulation.md", "lora", "7", column=4)


def test_the_page_on_disk_is_what_the_script_writes() -> None:
    page = folklore.PAGE.read_text("utf-8")
    assert all(f"| {claim.says.replace('|', '/')} |" in page for claim in folklore.CLAIMS)


def test_what_was_not_measured_is_said_in_these_words_alone() -> None:
    claim = Claim(guide=1, where="x", says="y", known="z")
    assert folklore.row(claim, {}) == "| y | x | not measured yet |  | open; known: z |  |"
