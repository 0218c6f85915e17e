"""Guide 4's figures beside what is known of them: the table of docs/guides.md.

python bench/guide4.py             seconds, no training; writes results/guide4.md and that table
"""

import nights
from overnight.adapters.optimizer import PROFILES, OptimizationProfile, beside_what_is_true
from overnight.adapters.truth import Known
from overnight.values.facts import Interval

PAGE = nights.ROOT / "docs" / "guides.md"
MARKS = ("<!-- written by bench/guide4.py -->", "<!-- to here -->")
ROWS, ROW_TOKENS, EPOCHS = 8000, 500, 3


def span(interval: Interval, digits: int = 0) -> str:
    """Low to high."""
    return f"{interval.low:,.{digits}f} to {interval.high:,.{digits}f}"


def row(profile: OptimizationProfile, way: Known) -> str:
    """One profile trained in one way: the guide's pace, hours and memory, and the known ones."""
    claimed = ROWS * ROW_TOKENS * EPOCHS / profile.estimated_throughput / 3600
    fits = "" if way.fits else ", does not fit"
    cells = (
        f"{profile.name}, {way.method}", f"{profile.estimated_throughput:,.0f}",
        span(way.tokens_per_second), f"{claimed:.2f}", span(way.hours, 2),
        span(way.padded_hours, 2), f"{profile.memory_usage_gb:g} GB",
        f"{way.peak_bytes / 1e9:,.0f} GB{fits}",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def short_row(profile: OptimizationProfile, way: Known) -> str:
    """The same for the page: what the guide says in one cell."""
    claimed = ROWS * ROW_TOKENS * EPOCHS / profile.estimated_throughput / 3600
    cells = (
        profile.name,
        f"{profile.estimated_throughput:,.0f}, {claimed:.2f} h, {profile.memory_usage_gb:g} GB",
        span(way.tokens_per_second), span(way.hours, 2), span(way.padded_hours, 2),
        f"{way.peak_bytes / 1e9:,.0f} GB",
    )  # fmt: skip
    return f"| {' | '.join(cells)} |"


def into_page(rows: list[str]) -> None:
    """The page's table, between its two marks."""
    text = PAGE.read_text("utf-8")
    head = ("| profile | the guide: tokens/s, hours, memory | known: tokens/s | known: hours | "
            "padded: hours | known: memory |\n|---|---|---|---|---|---|")  # fmt: skip
    before, _, rest = text.partition(MARKS[0])
    after = rest.partition(MARKS[1])[2]
    PAGE.write_text("\n".join((before + MARKS[0], head, *rows, MARKS[1] + after)), "utf-8")


def main() -> None:
    """Computes and writes the table."""
    found = [(profile, beside_what_is_true(profile, tokens=ROWS * ROW_TOKENS * EPOCHS,
                                           row_tokens=ROW_TOKENS))
             for profile in PROFILES.values()]  # fmt: skip
    rows = [row(profile, way) for profile, truth in found for way in truth.ways]
    truth = found[1][1]
    page = "\n".join((
        "# Guide 4's figures and what is known of them", "", nights.machine(), "",
        f"{ROWS:,} rows of {ROW_TOKENS} tokens, {EPOCHS} epochs; {truth.model} on one "
        f"{truth.card}. Known is {truth.source}; low and high hold nine times in ten. Memory is "
        "the closed form's, every row of the micro-batch `max_length` tokens long.", "",
        "| profile | guide, tokens/s | known, tokens/s | guide, h | known, h | known, every row "
        "padded, h | guide, memory | known, memory |",
        "|---|---|---|---|---|---|---|---|", *rows, "", *truth.sentences[1:], "",
        "Repeat: `python bench/guide4.py`", "",
    ))  # fmt: skip
    into_page([short_row(profile, beside.ways[0]) for profile, beside in found])
    (nights.RESULTS / "guide4.md").write_text(page, "utf-8")
    print(page)


if __name__ == "__main__":
    main()
