"""Startup file of `deals shell`: pandas as `pd`, all columns displayed, and an engine on the database as `db`."""

import atexit
import sys
from contextlib import ExitStack

import pandas as pd
from sqlalchemy import create_engine

from app.config import load_settings
from app.db.resolve import open_database
from app.db.urls import sync_url

_exit_stack = ExitStack()
atexit.register(_exit_stack.close)
_database = _exit_stack.enter_context(open_database(load_settings()))

pd.set_option("display.max_columns", None)
db = create_engine(sync_url(_database.url))
sys.stderr.write(f"pd is pandas, db is a SQLAlchemy engine on {_database.description}.\n")
sys.stderr.write('Try: pd.read_sql("SELECT * FROM hotels LIMIT 5", db)\n')
