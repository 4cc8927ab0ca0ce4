"""The import: a data frame, and an ORM entity for each row."""

from collections.abc import Hashable, Mapping
from typing import Any

import pandas as pd
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from app.db.urls import sync_url
from benchmarks.tutorial.models import Category, Deal, Hotel

_DEAL = ["room_type", "price_per_night", "original_price", "discount_percent", "checkin_date", "checkout_date"]


def load_file(file: str, *, url: str, rows: int) -> None:
    """Insert the first `rows` rows of the file into an empty catalogue."""
    frame = pd.read_csv(file, nrows=rows, keep_default_na=False)
    hotels: dict[str, Hotel] = {}
    categories: dict[str, Category] = {}
    with Session(create_engine(sync_url(url))) as session:
        for row in frame.to_dict("records"):
            session.add(_to_deal(row, hotels, categories))
        session.commit()


def _to_deal(row: Mapping[Hashable, Any], hotels: dict[str, Hotel], categories: dict[str, Category]) -> Deal:
    phone = str(row["hotel_phone"])
    if phone not in hotels:
        hotels[phone] = Hotel(name=row["hotel_name"], city=row["hotel_city"], country=row["hotel_country"], phone=phone)
    names = [name for name in str(row["categories"]).split(",") if name]
    for name in names:
        categories.setdefault(name, Category(name=name))
    return Deal(
        external_id=row["id"],
        hotel=hotels[phone],
        star_rating=row["hotel_star_rating"],
        is_available=row["is_available"],
        created_at=row["created_at"],
        categories=[categories[name] for name in names],
        **{name: row[name] for name in _DEAL},
    )
