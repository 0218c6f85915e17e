"""Two shapes of the model: one for a processor, one of the guide's 209 M parameters.

`beit` is what DiT is built as, `donut-swin` what Nougat's encoder is; both load with their
published weights (`--weights DIT_FOLDER NOUGAT_FOLDER`).
"""

from typing import Any

SHAPES: dict[str, dict[str, Any]] = {
    "small": {
        "page": (320, 160),
        "font_size": 11,
        "encoders": [
            {"model_type": "beit", "image_size": 96, "patch_size": 16, "hidden_size": 64,
             "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 128},
            {"model_type": "vit", "image_size": [160, 320], "patch_size": 10, "hidden_size": 128,
             "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 256,
             "hidden_dropout_prob": 0.0},
        ],
        "qformer": {"hidden_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4,
                    "intermediate_size": 256, "cross_attention_frequency": 1,
                    "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0},
        "query_tokens": 256,
        "decoder": {"d_model": 128, "decoder_layers": 3, "decoder_attention_heads": 4,
                    "decoder_ffn_dim": 512, "max_position_embeddings": 256, "dropout": 0.0},
        "vocabulary": 1000,
        "max_length": 128,
    },
    "full": {
        "page": (672, 896),
        "font_size": 16,
        "encoders": [
            {"model_type": "beit", "image_size": 224, "patch_size": 16, "hidden_size": 768,
             "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
            {"model_type": "donut-swin", "image_size": [896, 672], "patch_size": 4,
             "embed_dim": 128, "depths": [2, 2, 14, 2], "num_heads": [4, 8, 16, 32],
             "window_size": 7},
        ],
        "qformer": {"hidden_size": 512, "num_hidden_layers": 4, "num_attention_heads": 8,
                    "intermediate_size": 2048, "cross_attention_frequency": 2},
        "query_tokens": 256,
        "decoder": {"d_model": 512, "decoder_layers": 3, "decoder_attention_heads": 8,
                    "decoder_ffn_dim": 2048, "max_position_embeddings": 1024},
        "vocabulary": 40000,
        "max_length": 512,
    },
}  # fmt: skip
