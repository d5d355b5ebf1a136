#!/usr/bin/python3
"""The commands that work without a running node: cli.sh, under the name that the runner looks for."""
import os
import sys

from lib import COMITY

HERE = os.path.dirname(os.path.abspath(__file__))
os.environ["COMITY"] = COMITY
os.execv("/bin/sh", ["sh", os.path.join(HERE, "cli.sh")] + sys.argv[1:])
