"""Where things are, and how a check says what is wrong."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DEPLOY = PROJECT / "deploy"


def text(path):
    """What stands in a file of the project."""
    return (PROJECT / path).read_text(encoding="utf-8")


def finish(problems):
    """Ends the check: with all that is wrong, if anything is."""
    for problem in problems:
        print(problem, file=sys.stderr)
    sys.exit(1 if problems else 0)
