import json
from dataclasses import replace

import pytest
from tests.fakes import FakeClock

from overnight.cli.settings import Surroundings, gather
from overnight.report import elsewhere

from . import samples


def night(**changes):
    report = samples.report(samples.resumed())
    candidate = replace(report.plan.candidate, **changes)
    return replace(report, plan=replace(report.plan, candidate=candidate))


def test_the_dotenv_speaks_as_the_guide_s():
    lines = elsewhere.env(night()).splitlines()
    wanted = ("EPOCHS=3", "BATCH_SIZE=8", "GRADIENT_ACCUMULATION_STEPS=4", "USE_FP16=false",
              "USE_BF16=true", "LEARNING_RATE=0.00025", "GRADIENT_CHECKPOINTING=false")  # fmt: skip
    assert [line for line in wanted if line not in lines] == []


def test_the_sampling_of_the_guide_is_spelled_as_it_spells_it():
    request = replace(samples.REQUEST, sample=0.5, prefer="engagement,recent")
    lines = elsewhere.env(replace(night(strategy="two-stage", stage2_rows=5000),
                                  request=request)).splitlines()  # fmt: skip
    assert {"SAMPLE_RATIO=0.5", "SAMPLING_STRATEGY=prioritized", "SAMPLE_SIZE=5000",
            "STRATEGY=two-stage"} <= set(lines)  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"num_train_epochs": None}, {"precision": "fp16"}])
def test_the_dotenv_is_read_back_as_the_same_settings(tmp_path, changes):
    report = night(learning_rate=0.000327182, **changes)
    path = tmp_path / "settings.env"
    path.write_text(elsewhere.env(report), "utf-8")
    around = Surroundings(environ={}, folder=tmp_path, clock=FakeClock())
    request, _ = gather({"data": "d", "model": "m", "config": str(path)}, around=around)
    given, one = request.settings.given(), report.plan.candidate
    names = ("per_device_train_batch_size", "gradient_accumulation_steps", "learning_rate",
             "gradient_checkpointing", "max_length", "lora_r", "seed", "max_grad_norm")  # fmt: skip
    assert {name: given[name] for name in names} == {name: getattr(one, name) for name in names}
    assert request.method == one.method and given["fp16"] == (one.precision == "fp16")
    if one.num_train_epochs is None:
        assert given["max_steps"] == report.horizon
    else:
        assert given["num_train_epochs"] == one.num_train_epochs


@pytest.mark.tiny
@pytest.mark.filterwarnings("ignore:.gradient_checkpointing. is deprecated:FutureWarning")
@pytest.mark.parametrize(
    "changes",
    [{}, {"num_train_epochs": None}, {"lr_scheduler_type": "wsd", "num_train_epochs": None},
     {"precision": "fp32"}, {"eval_steps": 50, "save_steps": 50}],
)  # fmt: skip
def test_the_arguments_are_those_of_a_trainer(tmp_path, changes):
    from transformers import TrainingArguments
    from trl import SFTConfig

    report = night(**{"precision": "fp32", **changes})
    own = {"report_to": "none", "use_cpu": True}
    told = elsewhere.training_arguments(report, output_dir=str(tmp_path))
    made = TrainingArguments(**json.loads(json.dumps(told)), **own)
    one = report.plan.candidate
    assert made.learning_rate == one.learning_rate and made.seed == one.seed
    assert made.max_steps == (-1 if one.num_train_epochs else report.horizon)
    assert made.warmup_steps == report.replans[-1].event.warmup_steps
    sft = SFTConfig(**elsewhere.sft_arguments(report, output_dir=str(tmp_path)), **own)
    assert sft.max_length == one.max_length and sft.packing == one.packing


@pytest.mark.tiny
def test_a_schedule_that_holds_and_decays_is_the_trainer_s_own(tmp_path):
    import torch
    from transformers import Trainer, TrainingArguments

    report = night(lr_scheduler_type="wsd", num_train_epochs=None, precision="fp32")
    told = elsewhere.training_arguments(report, output_dir=str(tmp_path))
    model = torch.nn.Linear(1, 1)
    trainer = Trainer(model, TrainingArguments(**told, report_to="none", use_cpu=True))
    trainer.create_optimizer_and_scheduler(report.horizon)
    rates = []
    for _ in range(report.horizon):
        rates.append(trainer.lr_scheduler.get_last_lr()[0])
        trainer.optimizer.step()
        trainer.lr_scheduler.step()
    peak = report.plan.candidate.learning_rate
    assert rates[report.horizon // 2] == pytest.approx(peak)
    assert trainer.lr_scheduler.get_last_lr()[0] == pytest.approx(0.0, abs=peak / 100)


def test_the_card_tells_what_was_measured_and_no_row_or_path():
    request = replace(samples.REQUEST, model="/home/ada/secret/base-3b")
    report = replace(samples.report(samples.resumed()), request=request)
    text = elsewhere.card(report, name="chats", adapter=True)
    assert text.startswith("---\nbase_model: base-3b\nlibrary_name: peft\n")
    assert "1.243 (1.213 to 1.273)" in text and "1.981" in text
    assert "/home/ada" not in text and "chats.jsonl" not in text
    for prompt, answers in samples.ANSWERS:
        assert prompt not in text and answers[1] not in text


def test_a_name_of_the_hub_stays_and_a_base_that_was_better_is_told():
    journal = samples.Journal()
    samples.begin(journal)
    samples.train(journal, 1, 50)
    samples.finish(journal, test=2.4, keep="base")
    report = replace(samples.report(journal.entries),
                     request=replace(samples.REQUEST, model="some-org/model-3b"))  # fmt: skip
    text = elsewhere.card(report, name="n", adapter=False)
    assert "base_model: some-org/model-3b" in text and "the base model was better" in text
    assert "AutoModelForCausalLM" in text


def test_a_card_without_figures_says_so():
    text = elsewhere.card(samples.report(samples.going()), name="n", adapter=False)
    assert "was not measured" in text
