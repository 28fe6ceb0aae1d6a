"""`python -m layercensus` is the command `layercensus`, also under torchrun."""

import sys

from .cli.app import main

if __name__ == "__main__":
    sys.exit(main())
