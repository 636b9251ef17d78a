"""Lets `python -m smilesyncd` do what `smilesync` does."""

import sys

from smilesyncd.main import main

sys.exit(main())
