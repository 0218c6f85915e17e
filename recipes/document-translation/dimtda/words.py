"""A tokenizer for the translations: trained on them where none is given."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")


def tokenizer_for(texts: Iterable[str], size: int, given: Path | None = None) -> Any:
    """Byte-level BPE that ends every text with </s>; or the one in a folder."""
    if given:
        return AutoTokenizer.from_pretrained(given)
    made = Tokenizer(models.BPE(unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=list(SPECIAL), show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(list(texts), trainer)
    made.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", made.token_to_id("</s>"))]
    )
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", bos_token="<s>",
                                   eos_token="</s>", unk_token="<unk>")  # fmt: skip


def tokens(tokenizer: Any) -> dict[str, int]:
    """Its special tokens, as configurations name them."""
    names = (f"{name}_token_id" for name in ("pad", "bos", "eos"))
    return {name: getattr(tokenizer, name) for name in names}
