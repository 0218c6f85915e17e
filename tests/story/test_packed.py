"""Packing at the opening: kept where rows stay apart, else given up aloud or refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.training import tiny

from overnight.story import packed
from overnight.training.losses import Head
from overnight.training.session import Material, Session
from overnight.values.errors import InputError
from overnight.values.plan import Candidate
from overnight.values.request import Request, Settings

pytestmark = pytest.mark.tiny
PACKED = replace(tiny.CANDIDATE, packing=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_base(tmp_path_factory.mktemp("base"))


@pytest.fixture
def leaky(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model whose cache cannot be switched off."""
    right = Head.inputs
    monkeypatch.setattr(
        Head, "inputs", lambda self, batch: right(self, batch) | {"use_cache": True}
    )


def live(folder: Path, candidate: Candidate, packing: bool | None = None) -> tuple[Session, list]:
    said: list[str] = []
    rows = tiny.corpus()
    request = Request(data="rows.jsonl", model=str(folder), settings=Settings(packing=packing))
    material = Material(rows, np.arange(12), pad_id=1)
    return packed.live(said.append, request, candidate, material), said


def test_rows_that_stay_apart_are_packed_and_nothing_is_said(folder: Path):
    session, said = live(folder, PACKED, True)
    assert session.candidate == PACKED and said == []


@pytest.mark.usefixtures("leaky")
def test_rows_that_see_each_other_are_batched_by_length_and_that_is_said(folder: Path):
    session, said = live(folder, PACKED)
    assert session.candidate == tiny.CANDIDATE
    assert len(said) == 1 and "do not stay apart in this model (changing a row" in said[0]
    assert session.step(tiny.RATE).taken


@pytest.mark.usefixtures("leaky")
def test_packing_that_was_asked_for_and_cannot_be_had_is_refused_in_a_line(folder: Path):
    with pytest.raises(InputError, match=r"packing=true: .*leave packing out") as refused:
        live(folder, PACKED, True)
    assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("leaky")
def test_without_packing_nothing_is_tried(folder: Path):
    assert live(folder, tiny.CANDIDATE)[1] == []


@pytest.mark.parametrize("asked", [None, True])
def test_an_attention_that_does_not_load_is_named_and_torchs_own_taken(folder: Path, asked):
    varlen = replace(PACKED, attn_implementation="flash_attention_2")
    session, said = live(folder, varlen, asked)
    assert session.candidate == replace(PACKED, packing=bool(asked))
    assert len(said) == 1 and "flash_attention_2 does not load here (" in said[0]
