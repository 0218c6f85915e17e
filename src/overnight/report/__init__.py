"""Mouth: values in, pages and lines out; imports nothing alive."""
