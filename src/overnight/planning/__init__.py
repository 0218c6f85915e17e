"""Decisions before the night: pure functions from values to values."""
