#!/usr/bin/env python3
"""The study of what verification finds in its short form: Tools/verify_study.py --quick."""

from __future__ import annotations

import sys

from verify_study import main

if __name__ == "__main__":
    sys.argv.append("--quick")
    sys.exit(main())
