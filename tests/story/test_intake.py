"""The data in one pass, from small files and a real tokenizer: sides, tokens, figures."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.small_nights import Small, write_sums
from tests.training import small_tokenizer

from overnight.story import intake, look
from overnight.story.intake import Data, Survey
from overnight.values.errors import DataError, InputError
from overnight.values.request import Request, Settings

pytestmark = pytest.mark.tiny


@pytest.fixture
def request_(small: Small) -> Request:
    return Request(data=str(small.data), model=str(small.model))


def data(request: Request, *, max_positions: int = 128) -> Data:
    tokenizer = look.load_tokenizer(request)
    return intake.data(request, max_positions=max_positions, tokenizer=tokenizer)


def survey(request: Request, *, max_positions: int = 128) -> Survey:
    tokenizer = look.load_tokenizer(request)
    return intake.survey(request, max_positions=max_positions, tokenizer=tokenizer)


def one_line(error: pytest.ExceptionInfo[InputError]) -> str:
    return str(error.value) if "\n" not in str(error.value) else ""


def test_every_row_has_one_place_in_the_split(request_: Request):
    split = data(request_).split
    assert sorted({*split.train, *split.select, *split.test}) == list(range(240))
    assert not {*split.train} & {*split.select, *split.test}


def test_rows_are_cut_at_the_models_positions_or_where_the_user_says(request_: Request):
    assert data(request_, max_positions=48).corpus.max_length == 48
    short = replace(request_, settings=Settings(max_length=47))
    assert data(short).corpus.max_length == 47


def test_a_session_trains_on_the_training_rows_padded_with_what_the_tokenizer_has(
    request_: Request,
):
    read = data(request_)
    read.tokenizer.pad_token_id, ends = None, read.tokenizer.eos_token_id
    material = read.material()
    assert material.train is read.split.train and material.train.dtype == np.int64
    assert material.corpus is read.corpus and material.pad_id == ends
    read.tokenizer.eos_token_id = None
    assert read.material().pad_id == 0


def test_a_cut_that_leaves_nothing_to_learn_is_named_as_the_cause(request_: Request):
    with pytest.raises(DataError, match="rows cut at 20 tokens keep nothing") as error:
        data(replace(request_, settings=Settings(max_length=20)))
    assert "larger max_length" in one_line(error)


def test_another_seed_holds_other_rows_out(request_: Request):
    other = replace(request_, settings=Settings(seed=7))
    assert {*data(other).split.select} != {*data(request_).split.select}
    assert data(request_).split.select == data(request_).split.select


def test_ones_own_held_out_rows_are_never_learnt(request_: Request, tmp_path: Path):
    mine = write_sums(tmp_path / "mine.jsonl", range(1000, 1050))
    found = data(replace(request_, eval_data=str(mine)))
    held = {*found.split.select, *found.split.test}
    assert held == set(range(240, 290))
    assert {*found.split.train} == set(range(240))


def test_a_tokenizer_without_a_template_gets_the_plain_one(small: Small, tmp_path: Path):
    small_tokenizer.make(None).save_pretrained(tmp_path / "bare")
    found = data(Request(data=str(small.data), model=str(tmp_path / "bare")))
    assert found.profile.chat_template == "built-in plain"
    assert found.tokenizer.chat_template


def test_a_file_that_is_missing_is_named(request_: Request):
    with pytest.raises(DataError) as error:
        data(replace(request_, data="/nowhere/chats.jsonl"))
    assert "/nowhere/chats.jsonl" in one_line(error)


def test_a_broken_row_is_named_by_its_line(request_: Request, tmp_path: Path):
    path = write_sums(tmp_path / "torn.jsonl", range(50))
    path.write_text(path.read_text() + '{"messages": [\n')
    with pytest.raises(DataError) as error:
        data(replace(request_, data=str(path)))
    assert "torn.jsonl" in one_line(error) and "51" in one_line(error)


def test_figures_alone_give_the_profile_that_the_tokens_give(request_: Request, tmp_path: Path):
    mine = write_sums(tmp_path / "mine.jsonl", range(235, 285))
    for asked in (request_, replace(request_, eval_data=str(mine)),
                  replace(request_, settings=Settings(max_length=47))):  # fmt: skip
        assert survey(asked).profile == data(asked).profile
        assert survey(asked).split.train.tolist() == data(asked).split.train.tolist()


def test_examples_are_the_first_rows_that_are_trained_on(request_: Request):
    found = survey(request_)
    texts = [row.source for row in found.examples(3)]
    assert texts == [f"sums.jsonl:{index + 1}" for index in found.split.train[:3]]


def uneven(path: Path, count: int) -> Path:
    """Rows of very different lengths, a tenth of them mute, a twentieth twice."""
    draw = np.random.default_rng(4)
    rows = [
        {"prompt": f"No. {n if n % 20 else n - 1} " + "word " * draw.integers(40),
         "completion": "ten words " * draw.integers(1, 9) * (n % 10 > 0)}
        for n in range(count)
    ]  # fmt: skip
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_of_many_rows_a_sample_is_counted_and_says_what_all_would(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = replace(request_, data=str(uneven(tmp_path / "many.jsonl", 3000)))
    exact = survey(asked, max_positions=2**31).profile
    monkeypatch.setattr(intake, "COUNTED", 500)
    about = survey(asked, max_positions=2**31).profile
    assert (about.num_rows, about.fingerprint) == (exact.num_rows, exact.fingerprint)
    assert about.counted_rows is not None and 400 < about.counted_rows <= 500
    assert about.tokens_interval is not None
    assert about.tokens_interval.low < exact.num_tokens < about.tokens_interval.high
    assert about.learnt_tokens == pytest.approx(exact.learnt_tokens, rel=0.1)


def test_the_sample_is_spread_over_the_file_and_always_the_same(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    asked = replace(request_, data=str(uneven(tmp_path / "many.jsonl", 2000)))
    monkeypatch.setattr(intake, "COUNTED", 200)
    one, two = (survey(asked).profile for _ in range(2))
    assert one == two
    (mute,) = [found for found in one.findings if found.kind == "nothing-to-learn"]
    assert 5 <= mute.count <= 40 and "of the 200 rows counted" in mute.what


def test_rows_cut_shorter_than_they_were_read_keep_their_sides(request_: Request):
    whole = data(request_)
    short = whole.cut(whole.corpus.max_length - 1)
    assert short.corpus.max_length == whole.corpus.max_length - 1
    assert set(short.split.train) <= set(whole.split.train)
    assert short.profile.num_train == len(short.split.train)
    assert short.profile.train_tokens <= whole.profile.train_tokens
    assert all(short.corpus.learnt[row] > 0 for row in short.split.rows)


def test_rows_are_not_cut_longer_than_they_were_read(request_: Request):
    whole = data(request_)
    assert whole.cut(10**6) is whole


def test_a_cut_that_leaves_nothing_to_learn_is_refused(request_: Request):
    with pytest.raises(DataError, match="keep nothing to learn"):
        data(request_).cut(2)


def liked(request: Request, folder: Path, **more: object) -> Request:
    """The same rows with likes and days."""
    rows = [json.loads(line) for line in Path(request.data).read_text().splitlines()]
    marked = [row | {"likes": at, "date": f"20{10 + at // 30:02}-06-01"}
              for at, row in enumerate(rows)]  # fmt: skip
    data_ = folder / "liked.jsonl"
    data_.write_text("".join(json.dumps(row) + "\n" for row in marked))
    return replace(request, data=str(data_), **more)  # type: ignore[arg-type]


def test_a_sample_leaves_held_out_rows_as_they_are(request_: Request, tmp_path: Path):
    whole = data(liked(request_, tmp_path))
    some = data(liked(request_, tmp_path, sample=0.2, prefer="engagement,recent"))
    assert (some.split.select, some.split.test) == (whole.split.select, whole.split.test)
    assert set(some.split.train) < set(whole.split.train)
    told = some.profile.sampled
    assert told is not None and told.kept == some.profile.num_train == len(some.split.train)
    assert told.engaged == round(0.25 * told.of) and told.recent < 30
    assert some.engagement is not None and some.engagement[17] == 17.0


def test_a_survey_keeps_the_same_sample(request_: Request, tmp_path: Path):
    asked = liked(request_, tmp_path, sample_total=50, prefer="engagement")
    assert survey(asked).profile.sampled == data(asked).profile.sampled
    assert survey(asked).profile.num_train == 50


def test_a_column_that_is_missing_is_named_with_those_that_are_there(request_: Request):
    with pytest.raises(DataError, match="found: `messages`; name it with --time-column") as error:
        survey(replace(request_, sample=0.5, prefer="recent"))
    assert one_line(error)


def test_a_survey_of_more_rows_than_are_counted_takes_a_sample_too(
    request_: Request, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(intake, "COUNTED", 60)
    assert survey(replace(request_, sample_total=1)).profile.num_train == 1
