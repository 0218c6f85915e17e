"""Senses: each module reads the world once and returns a value."""
