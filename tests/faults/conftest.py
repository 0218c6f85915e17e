"""Nights that faults strike, beside those that every test may ask for."""

import pytest
from tests import small_nights
from tests.small_nights import Small


@pytest.fixture(scope="session")
def wide(small: Small, tmp_path_factory: pytest.TempPathFactory) -> Small:
    """The same data under a model whose steps take memory that can be told from noise."""
    import torch
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("wide")
    tokenizer = AutoTokenizer.from_pretrained(small.model)
    config = LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=512, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=128,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    torch.manual_seed(0)
    LlamaForCausalLM(config).save_pretrained(folder / "model")
    tokenizer.save_pretrained(folder / "model")
    return Small(folder / "model", small_nights.write_sums(folder / "sums.jsonl", range(240)))
