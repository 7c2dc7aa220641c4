"""``python -m spiroct`` is the command ``spiroct``."""

from spiroct.cli.main import main

main()
