"""Runs the command line with `python -m interfaces.cli`, as `easeboard` does."""

from interfaces.cli.main import main

main()
