"""The tiny base model, written once for all tests of training."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model folder with its tokenizer."""
    import torch
    from tests.training import tiny

    torch.set_num_threads(1)  # so small a model only waits for more of them
    return tiny.write_base(tmp_path_factory.mktemp("base"))
