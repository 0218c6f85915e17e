"""What things are: frozen, comparable, printable values. Standard library only, no clock, no files."""
