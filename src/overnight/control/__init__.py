"""Decisions during the night: pure, given the time and never asking for it."""
