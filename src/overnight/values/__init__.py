"""What things are: frozen, comparable, printable values. Stdlib only, no clock, no files."""
