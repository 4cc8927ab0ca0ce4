"""The declarative base: the naming convention of constraints, common column types, and common check conditions."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Final

from sqlalchemy import BigInteger, DateTime, Identity, MetaData, Numeric, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING_CONVENTION: Final = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


class Base(DeclarativeBase):
    """Base of the models; the naming convention gives a constraint the same name in models and migrations."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


IntPK = Annotated[int, mapped_column(BigInteger, Identity(), primary_key=True)]
Money = Annotated[Decimal, mapped_column(Numeric(10, 2))]
Timestamp = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


def plain_text_check(column: str) -> str:
    """SQL condition for text that is not empty, trimmed, in NFC and without control characters."""
    return (
        f"{column} <> '' AND {column} = btrim({column}) AND {column} IS NFC NORMALIZED"
        rf" AND {column} !~ '[\u0001-\u001F\u007F-\u009F]'"
    )


def date_range_check(column: str) -> str:
    """SQL condition for dates and timestamps from 2000 to 2100 (UTC), which excludes `infinity` and BC dates."""
    return f"{column} >= '2000-01-01 00:00:00+00' AND {column} <= '2100-01-01 00:00:00+00'"
