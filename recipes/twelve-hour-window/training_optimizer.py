"""Guide 4's module by its own name: `from training_optimizer import optimize_for_dataset`."""

from overnight.adapters.optimizer import *  # noqa: F403
