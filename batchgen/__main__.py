"""`python -m batchgen` is `batchgen`."""

import sys

from batchgen.cli.main import main

sys.exit(main())
