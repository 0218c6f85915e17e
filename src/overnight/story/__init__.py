"""The chapters of a night, each a file: here probe, training and report meet (see night.py)."""
