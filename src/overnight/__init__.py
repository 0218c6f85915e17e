"""overnight: the best model you could have had by your deadline, on disk by your deadline."""

__version__ = "0.1.0"
