"""The `callpost` command: one file per group of commands."""

from callpost.cli.app import main

__all__ = ["main"]
