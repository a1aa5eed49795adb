"""`python -m dlspec`: the command `dlspec`, where its script is not on the path."""

import sys

from dlspec.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
