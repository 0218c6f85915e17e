"""Guide 3's multi-encoder translation model."""
