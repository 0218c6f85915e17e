import json

from overnight.cli.objects import dataset_object, plan_object
from overnight.values.facts import DatasetProfile, Hardware, Interval, ModelProfile
from overnight.values.plan import Candidate, MemoryEstimate, Plan, Rejection, Reserve, TimeEstimate
from overnight.values.request import Request, Window

DATASET = DatasetProfile(
    path="chats.jsonl", format="messages", fingerprint="f", num_rows=100, num_train=80,
    num_select=10, num_test=10, shared_heldout=False, num_tokens=5000, learnt_tokens=2000,
    train_tokens=4000, length_percentiles=(1, 50, 90, 99, 100), chat_template="none",
)  # fmt: skip
MODEL = ModelProfile(
    path="base", architecture="LlamaForCausalLM", num_parameters=10, embedding_parameters=2,
    hidden_size=4, intermediate_size=8, num_layers=1, num_heads=1, num_kv_heads=1, vocab_size=16,
    max_positions=512, weight_bytes=40,
)  # fmt: skip
HARDWARE = Hardware(
    device="cpu", name="a machine", num_devices=1, memory_bytes=8 * 10**9,
    memory_free_bytes=6 * 10**9, host_memory_bytes=8 * 10**9, cpu_count=2,
    disk_free_bytes=10**9, flops={"fp32": 1e11}, flops_source="measured",
)  # fmt: skip
PLAN = Plan(
    candidate=Candidate(method="lora", per_device_train_batch_size=4, max_length=512,
                        gradient_accumulation_steps=2, learning_rate=2e-4, precision="fp32",
                        gradient_checkpointing=False),
    memory=MemoryEstimate(parts={"weights": 2 * 10**9}), memory_limit_bytes=6 * 10**9,
    time=TimeEstimate(phases={"training": Interval(low=3600, mid=7200, high=10800)},
                      total_steps=300, epochs=2.0, fits_in_window=True, source="catalogue",
                      tokens_per_second=Interval(low=400, mid=500, high=600)),
    reserve=Reserve(save=1, evaluation=1, publish=1, margin=1), window_seconds=43200.0,
    reasons=(), rejections=(Rejection(what="full", why="it needs more memory"),),
)  # fmt: skip
REQUEST = Request(data="chats.jsonl", model="base", window=Window(seconds=43200.0, label="12h"))


def planned() -> dict[str, object]:
    return plan_object(REQUEST, PLAN, dataset=DATASET, model=MODEL, hardware=HARDWARE)


def test_a_plan_is_one_object_with_the_promised_keys() -> None:
    assert list(planned()) == ["request", "window", "dataset", "model", "hardware", "candidate",
                               "estimate", "rejections", "what_ifs", "memory", "notes"]  # fmt: skip


def test_the_estimate_has_hours_and_gigabytes() -> None:
    assert planned()["estimate"] == {
        "total_steps": 300, "tokens_per_second": 500, "estimated_hours": 2.0, "low_hours": 1.0,
        "high_hours": 3.0, "fits_in_window": True, "peak_memory_gb": 2.0, "fits_in_memory": True,
        "source": "catalogue"}  # fmt: skip


def test_the_window_says_how_long_it_is_however_it_was_asked_for() -> None:
    assert planned()["window"] == {"seconds": 43200.0, "ends_utc": None, "label": "12h",
                                   "window_seconds": 43200.0}  # fmt: skip


def test_the_candidate_speaks_hugging_face_and_everything_is_json() -> None:
    written = json.loads(json.dumps(planned(), allow_nan=False))
    assert written["candidate"]["per_device_train_batch_size"] == 4
    assert written["rejections"] == [{"what": "full", "why": "it needs more memory"}]


def test_the_data_s_mean_row_length_is_told() -> None:
    assert dataset_object(DATASET)["avg_tokens_per_sample"] == 50.0
