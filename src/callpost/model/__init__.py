"""What things are: frozen dataclasses without I/O, shared by every room above."""
