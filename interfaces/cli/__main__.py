"""`python -m interfaces.cli` is `easeboard`."""

from interfaces.cli.main import main

main()
