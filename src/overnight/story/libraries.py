"""The libraries that take seconds to load.

In: nothing. Out: they are loaded, and quiet. Never: a model.
"""


def load() -> None:
    """All at once, so that their price is known."""
    import peft  # noqa: F401
    import torch  # noqa: F401
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: F401

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
