"""Load a CSV of deals: `python scripts/load_deals.py [FILE] [--partial] …`, the same as `deals load`."""

import sys

from app.cli.main import app

if __name__ == "__main__":
    app(["load", *sys.argv[1:]], prog_name="deals")
