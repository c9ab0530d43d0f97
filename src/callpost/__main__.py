"""`python -m callpost`: the same as the command `callpost`."""

from callpost.cli import main

main()
