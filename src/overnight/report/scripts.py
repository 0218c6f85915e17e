"""What a page runs: uPlot and our own lines, inlined, under a policy that lets nothing else run.

In: the figures of a page. Out: script texts, the page's own Content-Security-Policy, data that no
browser takes for markup. Never: an address other than the page's own.
"""

import base64
import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from markupsafe import Markup

from overnight.report.plots import Figure, Line
from overnight.report.svg import Drawing

UPLOT = Path(__file__).parent.parent / "assets" / "uplot"
"""uPlot 1.6.32 by Leon Sorokin, MIT, as published; its licence lies beside it and in the page."""
_TEMPLATES = Path(__file__).parent / "templates"
_DIGITS = 6
"""Of a height: more than any canvas shows. Instants have hundredths of a second."""


@cache
def style() -> Markup:
    """uPlot's style sheet."""
    return Markup((UPLOT / "uPlot.min.css").read_text("utf-8"))


@cache
def texts() -> tuple[Markup, ...]:
    """The scripts in their order: uPlot with its licence, the figures, keeping it new."""
    licence = (UPLOT / "LICENSE").read_text("utf-8")
    plot = (UPLOT / "uPlot.min.js").read_text("utf-8")
    own = [(_TEMPLATES / name).read_text("utf-8") for name in ("charts.js", "live.js")]
    return tuple(Markup(text) for text in (f"/*\n{licence}*/\n{plot}", *own))


@cache
def policy() -> str:
    """Only these very scripts run; the only request that they may make is for the page itself."""
    hashes = " ".join(f"'sha256-{_digest(text)}'" for text in texts())
    return (f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data:; "
            "connect-src 'self'; base-uri 'none'; form-action 'none'")  # fmt: skip


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def embedded(value: object) -> Markup:
    """JSON for a script element: nothing in it ends the element or begins another."""
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def figure(drawn: Figure, drawing: Drawing) -> dict[str, Any]:
    """One figure as `charts.js` takes it; `frame` are the heights that the drawing shows."""
    return {
        "unit": drawn.unit,
        "frame": drawing.frame,
        "lines": [_line(line) for line in drawn.lines if line.points],
        "marks": [{"x": round(m.x, 2), "name": m.name, "trouble": m.trouble} for m in
                  sorted(drawn.marks, key=lambda mark: mark.x)],
    }  # fmt: skip


def _line(line: Line) -> dict[str, Any]:
    return {"name": line.name, "role": line.role, "x": [round(x, 2) for x, _ in line.points],
            "y": _short([y for _, y in line.points]), "low": _short(line.low),
            "high": _short(line.high)}  # fmt: skip


def _short(values: Sequence[float]) -> list[float]:
    """Instants (UTC seconds) keep their tenths, everything else its first digits."""
    return [round(v, 1) if abs(v) > 1e8 else float(f"{v:.{_DIGITS}g}") for v in values]
