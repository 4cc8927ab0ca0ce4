"""The figures that the service promises, each measured by a campaign of its own: `python -m faults.figures`."""

import sys

from app.config import BACKEND

_TESTS = str(BACKEND / "tests")
if _TESTS not in sys.path:
    sys.path.append(_TESTS)  # the tables of hostile input and the rules of the contract are those of the tests
