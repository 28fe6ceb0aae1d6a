"""`python -m layercensus.cli` is the command `layercensus`."""

import sys

from .app import main

sys.exit(main())
