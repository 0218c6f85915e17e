"""Hands: the only floor where something is alive."""
