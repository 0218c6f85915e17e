"""Sessions that take turns in one process."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.training import tiny

from overnight.training import parking

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel counts there")


@LINUX
def test_the_count_begins_anew_and_sees_only_what_comes_after() -> None:
    block = torch.zeros(64 * 2**20, dtype=torch.uint8) + 1
    before = parking.peak_bytes("cpu")
    del block
    assert parking.count_anew("cpu")
    after = parking.peak_bytes("cpu")
    assert after < before - 32 * 2**20
    again = torch.zeros(64 * 2**20, dtype=torch.uint8) + 1
    assert parking.peak_bytes("cpu") > after + 32 * 2**20 and again[0] == 1


def test_where_nothing_can_be_counted_anew_it_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parking, "_CLEAR", tmp_path / "no" / "such")
    monkeypatch.setattr(parking, "_STATUS", tmp_path / "nor this")
    assert not parking.count_anew("cpu") and parking.peak_bytes("cpu") > 0


@pytest.mark.tiny
def test_the_next_session_may_have_another_precision(tmp_path: Path) -> None:
    base = tiny.write_base(tmp_path / "base")
    for precision in ("fp32", "bf16", "fp32"):
        session = tiny.session(base, replace(tiny.CANDIDATE, precision=precision))
        assert session.accelerator.mixed_precision == {"fp32": "no"}.get(precision, precision)
        assert tiny.train(session, 1)
        del session
        parking.let_go("cpu")
