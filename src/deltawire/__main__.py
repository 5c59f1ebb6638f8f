"""`python -m deltawire`."""

from deltawire.cli import main

main()
