"""Tables of spellings: what other tools call our keys, and which of their keys do nothing here.

In: a key as somebody wrote it. Out: our key, whose spelling it was, and how its value reads.
Never: checking values, deciding which of two sources counts.
Sources: the options documented by each tool, as of 2026-11 (transformers 5.23, trl 1.16).
"""

from collections.abc import Callable
from typing import Any, NamedTuple


class Alias(NamedTuple):
    """Another spelling of one of our keys."""

    key: str
    who: str
    read: Callable[[Any], Any] | None = None
    """The value in our units; None out of it says that the value means nothing to us."""


def _hours(value: Any) -> Any:
    return f"{float(value):g}h" if _is_number(value) else value


def _seconds(value: Any) -> Any:
    """A bare number is seconds; "00:12:00:00" is days, hours, minutes and seconds."""
    if _is_number(value):
        return f"{value}s"
    if isinstance(value, str) and value.count(":") == 3:
        parts = zip(value.split(":"), "dhms", strict=True)
        return " ".join(f"{part}{unit}" for part, unit in parts)
    return value


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _share(value: Any) -> Any:
    """`warmup_steps` below 1 is a share of all steps (transformers 5); a count says nothing."""
    return value if _is_number(value) and float(value) < 1 else None


def _four_bit(value: Any) -> Any:
    return "qlora" if str(value).lower() in ("true", "1", "4", "nf4", "yes", "on") else None


def _preferred(value: Any) -> Any:
    """Guide 2's "prioritized": high engagement and the last three months."""
    words = {"prioritized": "engagement,recent", "random": None}
    return words.get(str(value).lower(), value)


def _only_path(value: Any) -> Any:
    """Axolotl's list of one data set: its path. Several stay a list, which is refused as such."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    return value.get("path", value) if isinstance(value, dict) else value


_AXOLOTL = "as Axolotl spells it"
_FACTORY = "as LLaMA-Factory spells it"
_UNSLOTH = "as Unsloth spells it"
_LITGPT = "as LitGPT spells it"
_FACE = "as Hugging Face spells it"
_GUIDES = "as the guides spell it"
_FLAG = "as the flag spells it"

ALIASES: dict[str, Alias] = {
    "epochs": Alias("num_train_epochs", "as LitGPT and the guides spell it"),
    "eval": Alias("eval_data", _FLAG),
    "model_name_or_path": Alias("model", _FACE),
    "dataset_name": Alias("data", _FACE),
    "activation_checkpointing": Alias("gradient_checkpointing", _FACE),
    "warmup_steps": Alias("warmup_ratio", "a share of all steps", _share),
    "max_seq_length": Alias("max_length", _UNSLOTH),
    "base_model": Alias("model", _AXOLOTL),
    "datasets": Alias("data", _AXOLOTL, _only_path),
    "test_datasets": Alias("eval_data", _AXOLOTL, _only_path),
    "adapter": Alias("method", _AXOLOTL),
    "load_in_4bit": Alias("method", "4-bit weights", _four_bit),
    "micro_batch_size": Alias("per_device_train_batch_size", _AXOLOTL),
    "num_epochs": Alias("num_train_epochs", _AXOLOTL),
    "sequence_len": Alias("max_length", _AXOLOTL),
    "lr_scheduler": Alias("lr_scheduler_type", _AXOLOTL),
    "early_stopping_patience": Alias("patience", _AXOLOTL),
    "lora_model_dir": Alias("resume_from_checkpoint", _AXOLOTL),
    "sample_packing": Alias("packing", _AXOLOTL),
    "finetuning_type": Alias("method", _FACTORY),
    "quantization_bit": Alias("method", "4-bit weights", _four_bit),
    "dataset": Alias("data", _FACTORY),
    "eval_dataset": Alias("eval_data", _FACTORY),
    "cutoff_len": Alias("max_length", _FACTORY),
    "lora_rank": Alias("lora_r", _FACTORY),
    "neat_packing": Alias("packing", _FACTORY),
    "enable_liger_kernel": Alias("use_liger_kernel", _FACTORY),
    "adapter_name_or_path": Alias("resume_from_checkpoint", _FACTORY),
    "model_name": Alias("model", _UNSLOTH),
    "local_dataset": Alias("data", _UNSLOTH, _only_path),
    "training_type": Alias("method", _UNSLOTH),
    "batch_size": Alias("per_device_train_batch_size", "as Unsloth and the guides spell it"),
    "random_seed": Alias("seed", _UNSLOTH),
    "random_state": Alias("seed", _UNSLOTH),
    "checkpoint_dir": Alias("model", _LITGPT),
    "out_dir": Alias("output_dir", _LITGPT),
    "quantize": Alias("method", "4-bit weights", _four_bit),
    "devices": Alias("processes", _LITGPT),
    "save_interval": Alias("save_steps", _LITGPT),
    "log_interval": Alias("logging_steps", _LITGPT),
    "eval.interval": Alias("eval_steps", _LITGPT),
    "max_norm": Alias("max_grad_norm", _LITGPT),
    "max_time": Alias("within", "in seconds, as LitGPT spells it", _seconds),
    "time_limit": Alias("within", "in seconds, as AutoGluon spells it", _seconds),
    "time_budget": Alias("within", "in seconds, as FLAML spells it", _seconds),
    "max_duration": Alias("within", "as Composer spells it", _seconds),
    "max_training_hours": Alias("within", "in hours, as the guides spell it", _hours),
    "max_hours": Alias("within", "in hours, as the guides spell it", _hours),
    "optimization_priority": Alias("priority", _GUIDES),
    "use_fp16": Alias("fp16", _GUIDES),
    "use_bf16": Alias("bf16", _GUIDES),
    "use_gradient_checkpointing": Alias("gradient_checkpointing", _GUIDES),
    "num_workers": Alias("dataloader_num_workers", _GUIDES),
    "sample_ratio": Alias("sample", _GUIDES),
    "sampling_strategy": Alias("prefer", _GUIDES, _preferred),
    "sample_size": Alias("stage2_rows", "the guides' top rows of a second stage"),
}

VALUES: dict[tuple[str, object], object] = {
    ("gradient_checkpointing", "unsloth"): True,
    ("lr_scheduler_type", "constant_with_warmup"): "constant",
    ("lr_scheduler_type", "warmup_stable_decay"): "wsd",
    ("max_steps", -1): None,
    ("max_steps", "-1"): None,
    # The same command finds its own checkpoints; only another trainer's is named.
    ("resume_from_checkpoint", False): None,
    ("resume_from_checkpoint", True): None,
    ("resume_from_checkpoint", "false"): None,
    ("resume_from_checkpoint", "true"): None,
    ("precision", "16-mixed"): "fp16",
    ("precision", "16-true"): "fp16",
    ("precision", "32-true"): "fp32",
    ("precision", "bf16-mixed"): "bf16",
    ("precision", "bf16-true"): "bf16",
}
"""Values that other tools write for ours; None leaves the setting open."""

SECTIONS = frozenset({"data", "eval", "logging", "lora", "method", "model", "output", "overnight",
                      "settings", "time", "train", "trainer", "training"})  # fmt: skip
"""Headings that configuration files group keys under; the keys count, not the heading."""

DOTENV = frozenset({"batch_size", "epochs", "lora_rank", "max_seq_length", "max_training_hours",
                    "micro_batch_size", "num_epochs", "optimization_priority", "output_dir",
                    "use_bf16", "use_fp16", "use_gradient_checkpointing"})  # fmt: skip
"""What a `.env` may say without our prefix, beside the settings' names: others use it too."""

GUIDE_KEYS = frozenset({"estimated_throughput", "memory_usage_gb", "sample_ratio", "sample_size",
                        "sampling_strategy", "use_fused_optimizer"})  # fmt: skip
"""What the guides' files hold beside; known in a `.env` too."""

_TRAINING_ARGUMENTS = """
accelerator_config activation_checkpointing_kwargs adam_beta1 adam_beta2 adam_epsilon
auto_find_batch_size average_tokens_across_devices batch_eval_metrics bf16_full_eval data_seed
dataloader_drop_last dataloader_in_order dataloader_multiprocessing_context
dataloader_persistent_workers dataloader_prefetch_factor ddp_backend ddp_broadcast_buffers
ddp_bucket_cap_mb ddp_find_unused_parameters ddp_static_graph ddp_timeout debug deepspeed
disable_tqdm do_eval do_predict do_train enable_jit_checkpoint eval_accumulation_steps eval_delay
eval_do_concat_batches eval_on_start eval_strategy eval_use_gather_object evaluation_strategy
fp16_full_eval fsdp fsdp_config full_determinism gradient_checkpointing_kwargs greater_is_better
group_by_length hub_always_push hub_model_id hub_private_repo hub_revision hub_strategy hub_token
ignore_data_skip include_for_metrics include_num_input_tokens_seen include_tokens_per_second
jit_mode_eval label_names label_smoothing_factor length_column_name liger_kernel_config local_rank
log_level log_level_replica log_on_each_node logging_dir logging_first_step logging_nan_inf_filter
logging_strategy lr_scheduler_kwargs metric_for_best_model neftune_noise_alpha optim optim_args
optim_target_modules overwrite_output_dir parallelism_config per_device_eval_batch_size
prediction_loss_only project push_to_hub remove_unused_columns report_to
restore_callback_states_from_checkpoint run_name save_on_each_node
save_only_model save_safetensors save_strategy skip_memory_metrics tf32
torch_compile_backend torch_compile_mode torch_empty_cache_steps trackio_bucket_id
trackio_space_id trackio_static_space_id train_sampling_strategy use_cache use_cpu
"""
_SFT_CONFIG = """
activation_offloading assistant_only_loss chat_template_path completion_only_loss dataset_kwargs
dataset_num_proc dataset_text_field eos_token eval_packing loss_type model_init_kwargs
packing_strategy pad_to_multiple_of pad_token padding_free router_aux_loss_coef shuffle_dataset
truncation_mode
"""
_PEFT = "lora_bias lora_target_modules modules_to_save target_modules use_dora use_peft use_rslora"
_AXOLOTL_KEYS = """
auto_resume_from_checkpoints axolotl_config_path bench_dataset chat_template cosine_min_lr_ratio
curriculum_sampling dataset_exact_deduplication dataset_prepared_path dataset_processes
datasets_prepared_path ddp device_map do_bench_eval eager_attention eot_tokens eval_batch_size
eval_sample_packing eval_table_size evals_per_epoch flash_attention flash_attn_cross_entropy
flash_attn_rms_norm flash_optimum gpu_memory_limit gradient_clipping hf_use_auth_token
hub_model_id is_llama_derived_model is_mistral_derived_model liger_fused_linear_cross_entropy
liger_glu_activation liger_rms_norm liger_rope load_in_8bit lora_fan_in_fan_out lora_mlp_kernel
lora_modules_to_save lora_o_kernel lora_on_cpu lora_qkv_kernel
lora_target_linear loraplus_lr_ratio loss_watchdog_patience loss_watchdog_threshold
max_packed_sequence_len mlflow_experiment_name mlflow_tracking_uri model_config model_type
multipack_real_batches optimizer pad_to_sequence_len peft_layers_to_transform plugins
pretraining_dataset relora_steps resize_token_embeddings_to_32x roles_to_train rope_scaling
s2_attention sample_packing_bin_size saves_per_epoch sdp_attention
shuffle_merged_datasets special_tokens strict tokenizer_config tokenizer_type tokens
torch_dtype train_on_eos train_on_inputs unfrozen_parameters use_tensorboard val_set_size
wandb_entity wandb_log_model wandb_mode wandb_name wandb_project wandb_run_id wandb_watch
xformers_attention zero_first
"""
_FACTORY_KEYS = """
additional_target booster compute_accuracy cache_dir dataset_dir
disable_gradient_checkpointing double_quantization enable_thinking
export_dir flash_attn freeze_trainable_layers include_num_input_tokens_seen interleave_probs
lora_target loraplus_lr_ratio mask_history max_samples media_dir mix_strategy
overwrite_cache plot_loss pref_beta pref_loss preprocessing_batch_size preprocessing_num_workers
pure_bf16 quantization_method quantization_type ray_run_name rope_scaling stage streaming
template tokenized_path train_on_prompt upcast_layernorm use_badam use_galore use_unsloth val_size
"""
_OTHER_KEYS = """
beta1 beta2 class_path custom_eval_split enable_tensorboard enable_wandb eval_split format_type
global_batch_size hf_dataset hf_token init_args init_lora_weights initial_validation
final_validation interval is_dataset_streaming log_level logger_name lora_head lora_key lora_mlp
lora_projection lora_query lora_value lr_warmup_steps max_iters max_new_tokens max_tokens min_lr
num_nodes tensorboard_dir tie_embeddings tokenizer_dir train_on_completions train_split
trust_remote_code_model use_loftq vision_all_linear wandb_token
"""

NO_EFFECT = (GUIDE_KEYS - ALIASES.keys()) | frozenset(" ".join(
    (_TRAINING_ARGUMENTS, _SFT_CONFIG, _PEFT, _AXOLOTL_KEYS, _FACTORY_KEYS,
     _OTHER_KEYS)).split())  # fmt: skip
"""Keys of the tools above that a pasted configuration may hold and that change nothing here."""
