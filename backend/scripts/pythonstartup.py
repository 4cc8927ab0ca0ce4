"""A Python prompt with pandas as `pd`, all columns shown, and `db`, an engine on the service's database."""

import atexit
from contextlib import ExitStack

import pandas as pd
from sqlalchemy import create_engine

from app.config import load_settings
from app.db.resolve import open_database
from app.db.urls import sync_url

_open = ExitStack()
atexit.register(_open.close)
_database = _open.enter_context(open_database(load_settings()))

pd.set_option("display.max_columns", None)
db = create_engine(sync_url(_database.url))
