"""Flags to a Request, events to the terminal; decides nothing."""
