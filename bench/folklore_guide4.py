"""Every figure of guide 4 (a twelve-hour window on an H100), with what settles it.

In: nothing. Out: `CLAIMS`. Never: a measured figure.
"""

from folklore_claims import UNMEASURED, Claim, Found, Result, arithmetic, cell

PROFILES = (("fast", "1,200", "75"), ("balanced", "800", "60"), ("quality", "400", "70"),
            ("memory_efficient", "300", "45"))  # fmt: skip
KNOWN = "[guide4.md](../bench/results/guide4.md), no H100 was measured"
ESTIMATION, EXAMPLES = "Time Estimation", "Examples"


def pace(name: str) -> str:
    """What is known of a profile's pace."""
    return f"{cell('guide4.md', f'{name}, lora', column=2)} tokens/s with LoRA, by {KNOWN}"


def held(name: str) -> str:
    """What is known of a profile's memory."""
    return f"{cell('guide4.md', f'{name}, lora', column=7)} with LoRA, by {KNOWN}"


def true(_: Result) -> Found:
    """How true our plans are once they have rehearsed."""
    lines = cell_of("plans.md")
    return Found(lines, "85 to 115 % is the band that we use too")


def cell_of(page: str) -> str:
    """The sentence of a page of results that tells its median error."""
    import nights

    text = (nights.RESULTS / page).read_text("utf-8")
    told = (line for line in text.splitlines() if "median" in line and "%" in line)
    return next(told, UNMEASURED).strip("| ")


CLAIMS = (
    *(Claim(guide=4, where="Optimization Profiles", says=f"{name}: {tokens} tokens/s",
            known=pace(name)) for name, tokens, _ in PROFILES),
    *(Claim(guide=4, where="Optimization Profiles", says=f"{name}: {size} GB", known=held(name))
      for name, _, size in PROFILES),
    Claim(guide=4, where="Optimization Profiles",
          says="a longer max_length lowers the throughput (1,024: 1,200, 4,096: 400 tokens/s)",
          known="only where rows are that long or padded to it (docs/guides.md)"),
    Claim(guide=4, where="Optimization Profiles", says="quality: best model quality, fast: may "
          "sacrifice some", known="no metric is named"),
    arithmetic(guide=4, where=ESTIMATION, says="8,000 x 500 x 3 / 800 = 4.17 h",
               gives="15,000 s = 4.17 h", verdict="right"),
    arithmetic(guide=4, where=ESTIMATION, says="8,000 x 500 x 3 / 400 = 8.33 h",
               gives="30,000 s = 8.33 h", verdict="right"),
    arithmetic(guide=4, where=ESTIMATION, says="16,000 samples / 800 = 8.33 h",
               gives="24,000,000 / 800 = 30,000 s = 8.33 h", verdict="right"),
    Claim(guide=4, where="Safety Margin", says="half an hour is enough for the ending",
          known="`overnight` measures its ending and keeps that (bench/results/windows.md)"),
    arithmetic(guide=4, where="Real-time Progress", says="3.5 of 12 h: progress 29.2 %",
               gives="29.2 % of the window, not of the work", verdict="time called progress"),
    arithmetic(guide=4, where="Real-time Progress", says="428 steps an hour after 3.5 h",
               gives="1,498 steps; its plan has 750, over after 1 h 45 m",
               verdict="contradicts its report"),
    Claim(guide=4, where="Dataset Size", says="under 5,000 rows 4 to 5 epochs",
          known="InstructGPT's validation loss was least after one (arXiv:2203.02155)"),
    Claim(guide=4, where="Dataset Size", says="5,000 to 15,000 rows 3 epochs, above 15,000 two"),
    Claim(guide=4, where="Token Length", says="under 300 tokens larger batches: higher throughput",
          known="until the card is busy; four rows at once took 1.3 to 1.7 times the pace of one "
                "on two cores (NOTES.md)"),
    Claim(guide=4, where="Token Length", says="over 800 tokens: lower throughput"),
    Claim(guide=4, where="Too Fast", says="over in less than 6 hours means poor quality",
          known="nothing but the guide says so"),
    Claim(guide=4, where="Inaccurate Estimates", says="0.7 of the throughput is conservative",
          known="its own figures are 0.1 to 0.3 of what is known (guide4.md)"),
    arithmetic(guide=4, where="Optimization Report", says="750 steps, 4.17 hours",
               gives="8,000 x 3 / (4 x 8) = 750", verdict="right"),
    arithmetic(guide=4, where="Best Practices", says="4.17 of 4.5 hours is 92.7 % accuracy",
               gives="92.7 %", verdict="right"),
    Claim(guide=4, where="Best Practices", says="good accuracy is 85 to 115 %", run="plans-page",
          judge=true),
    Claim(guide=4, where="Best Practices", says="a checkpoint every 30 minutes",
          known="`overnight` saves at most ten minutes apart (values/cadence.py)"),
    Claim(guide=4, where=EXAMPLES, says="example 1: estimated 4.2, actual 4.5 hours",
          known=KNOWN),
    arithmetic(guide=4, where=EXAMPLES, says="example 2: 20,000 x 500 x 2, fast: 9.7 hours",
               gives="20,000,000 / 1,200 = 16,667 s = 4.63 h", verdict="twice its own formula"),
    arithmetic(guide=4, where=EXAMPLES, says="example 3: 5,000 x 600 x 4, quality: 10.8 hours",
               gives="12,000,000 / 400 = 30,000 s = 8.33 h",
               verdict="1.3 times its own formula"),
    Claim(guide=4, where="H100 Baseline", says="theoretical peak about 1,500 tokens/s",
          known=f"at the card's full matrix rate about 14,000 by {KNOWN}"),
    Claim(guide=4, where="H100 Baseline", says="practical 1,000, conservative 700 tokens/s",
          known="4,717 to 5,502 published, all weights of a 13B (MosaicML llm-foundry)"),
    arithmetic(guide=4, where="Profile Throughput", says="80, 53, 27 and 20 % of the peak",
               gives="1,200, 800, 400 and 300 of 1,500: 80, 53, 27, 20 %",
               verdict="right, of a peak that is none"),
    arithmetic(guide=4, where="Throughput Calculation",
               says="tokens/s = batch x length x devices / (forward + backward + optimizer)",
               gives="per micro-batch the optimizer's part is paid once in accumulation steps, "
               "and padding is counted as tokens", verdict="right for full rows without "
               "accumulation"),
)  # fmt: skip
