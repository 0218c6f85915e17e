"""Small facts that the planning tests share."""

from overnight.planning.question import Question
from overnight.values.facts import DatasetProfile, Hardware, ModelProfile
from overnight.values.request import Request, Settings

DATA = DatasetProfile(
    path="chats.jsonl", format="messages", fingerprint="00", num_rows=1000, num_train=900,
    num_select=50, num_test=50, shared_heldout=False, num_tokens=100_000, learnt_tokens=60_000,
    train_tokens=90_000, length_percentiles=(10, 90, 180, 280, 300),
    chat_template="the tokenizer's own",
)  # fmt: skip
MODEL = ModelProfile(
    path="base", architecture="LlamaForCausalLM", num_parameters=5_000_000,
    embedding_parameters=1_000_000, hidden_size=256, intermediate_size=688, num_layers=6,
    num_heads=8, num_kv_heads=8, vocab_size=4096, max_positions=512, weight_bytes=10_000_000,
    linear_shapes=tuple((256, 256) for _ in range(24)),
)  # fmt: skip
LARGE = ModelProfile(
    path="large", architecture="LlamaForCausalLM", num_parameters=8_000_000_000,
    embedding_parameters=525_000_000, hidden_size=4096, intermediate_size=14336, num_layers=32,
    num_heads=32, num_kv_heads=8, vocab_size=128_256, max_positions=8192,
    weight_bytes=16_000_000_000, linear_shapes=32 * (
        (4096, 4096), (4096, 1024), (4096, 1024), (4096, 4096), (4096, 14336), (4096, 14336),
        (14336, 4096),
    ),
)  # fmt: skip
CPU = Hardware(
    device="cpu", name="a small computer", num_devices=1, memory_bytes=24 * 2**30,
    memory_free_bytes=20 * 2**30, host_memory_bytes=24 * 2**30, cpu_count=2,
    disk_free_bytes=50 * 2**30, flops={"fp32": 2e11, "bf16": 4e11}, flops_source="measured",
)  # fmt: skip
CARD = Hardware(
    device="cuda", name="a card", num_devices=1, memory_bytes=80 * 2**30,
    memory_free_bytes=78 * 2**30, host_memory_bytes=200 * 2**30, cpu_count=16,
    disk_free_bytes=500 * 2**30, compute_capability=(9, 0), flops={"fp32": 6e13, "bf16": 8e14},
    flops_source="measured",
)  # fmt: skip


def question(*, window: float | None = 3600.0, model: ModelProfile = MODEL,
             hardware: Hardware = CPU, settings: Settings | None = None,
             **request: object) -> Question:  # fmt: skip
    asked = Request(data="chats.jsonl", model=model.path, settings=settings or Settings(),
                    **request)  # type: ignore[arg-type]  # fmt: skip
    return Question(request=asked, dataset=DATA, model=model, hardware=hardware,
                    window_seconds=window)  # fmt: skip
