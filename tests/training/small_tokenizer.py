"""A byte-level tokenizer trained on the spot, and templates in the manner of known families."""

from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

MARKS = ["<|im_start|>", "<|im_end|>", "<|eot|>", "<|head|>", "<|/head|>", "<turn>", "</turn>"]
TEXT = [
    "What is 12 + 30? It is 42.",
    "user assistant system model tool",
    "Hello there, old friend!",
]

CHATML = """{% if messages[0].role != 'system' %}<|im_start|>system
You are kind.<|im_end|>
{% endif %}{% for m in messages %}<|im_start|>{{ m.role }}
{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}
{% else %}{{ m.content }}<|im_end|>{% endif %}{{ '\\n' }}
{%- endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %}"""

HEADED = """{{ bos_token }}{% for m in messages %}{{ '<|head|>' + m.role + '<|/head|>\\n\\n' }}\
{{- m.content | trim + '<|eot|>' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\\n\\n' }}{% endif %}"""

ALTERNATING = """{{ bos_token }}{% if messages[0].role == 'system' %}\
{{ raise_exception('no system turns here') }}{% endif %}{% for m in messages %}\
{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('turns must alternate') }}\
{% endif %}{{ '<turn>' + ('model' if m.role == 'assistant' else m.role) + '\\n' }}\
{{- m.content | trim + '</turn>\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<turn>model\\n' }}{% endif %}"""

THINKING = """{% for m in messages %}{{ '<|im_start|>' + m.role + '\\n' }}\
{% set said = m.content.split('</think>')[-1].lstrip('\\n') %}\
{% if m.role == 'assistant' and loop.last %}{% if '</think>' in m.content %}\
{{ m.content }}{% else %}{{ '<think>\\n\\n</think>\\n\\n' + m.content }}{% endif %}\
{% else %}{{ said }}{% endif %}{{ '<|im_end|>\\n' }}{% endfor %}\
{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n<think>\\n' }}{% endif %}"""


def make(template: str | None = None, *, eos: str | None = "<|end|>") -> Any:
    """A fast tokenizer of some 300 pieces; its beginning is `<|begin|>`."""
    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    special = ["<|begin|>", "<|end|>", *MARKS]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    core.train_from_iterator(
        TEXT * 20,
        trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet),
    )
    made = PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token="<|begin|>", eos_token=eos, extra_special_tokens=MARKS
    )
    made.chat_template = template
    return made
