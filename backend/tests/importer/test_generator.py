"""The facts that a generated file has, whatever its seed."""

import hashlib
import tracemalloc
from io import StringIO
from typing import Final

import pandas as pd
import pytest

from app.config import BACKEND
from app.importer.generator import CATEGORY_NAMES, write_deals
from app.importer.types import COLUMNS

HOTEL: Final = ["hotel_name", "hotel_city", "hotel_country"]


def generated(*, rows: int, seed: int) -> str:
    out = StringIO(newline="")
    write_deals(out, rows=rows, seed=seed)
    return out.getvalue()


@pytest.fixture(scope="module")
def deals() -> pd.DataFrame:
    text = generated(rows=50_000, seed=7)
    dates = ["checkin_date", "checkout_date", "created_at"]
    return pd.read_csv(StringIO(text), keep_default_na=False, parse_dates=dates)


def test_it_has_the_rows_and_columns(deals: pd.DataFrame) -> None:
    assert tuple(deals.columns) == COLUMNS
    assert len(deals) == 50_000


def test_a_phone_belongs_to_one_of_150_hotels_and_a_hotel_has_one_phone(deals: pd.DataFrame) -> None:
    pairs = deals[[*HOTEL, "hotel_phone"]].drop_duplicates()
    assert len(pairs) == 150
    assert pairs["hotel_phone"].is_unique
    assert not pairs.duplicated(HOTEL).any()


def test_150_rows_are_enough_to_see_every_hotel() -> None:
    deals = pd.read_csv(StringIO(generated(rows=150, seed=3)))
    assert deals["hotel_phone"].nunique() == 150


def test_phones_are_international_and_invented(deals: pd.DataFrame) -> None:
    assert deals["hotel_phone"].str.fullmatch(r"\+\d{1,3}-\d{1,3}-555-\d{4}").all()


def test_the_hotels_are_in_17_cities_toronto_among_them(deals: pd.DataFrame) -> None:
    assert deals["hotel_city"].nunique() == 17
    assert set(deals.loc[deals["hotel_city"] == "Toronto", "hotel_country"]) == {"Canada"}


def test_the_star_rating_is_the_deals_own(deals: pd.DataFrame) -> None:
    shares = deals["hotel_star_rating"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({1: 0.01, 2: 0.06, 3: 0.19, 4: 0.32, 5: 0.42}, abs=0.01)
    assert deals.groupby("hotel_phone")["hotel_star_rating"].nunique().min() > 1


def test_the_price_is_the_original_less_the_discount(deals: pd.DataFrame) -> None:
    assert deals["discount_percent"].between(0, 60).all()
    expected = deals["original_price"] * (100 - deals["discount_percent"]) / 100
    assert (deals["price_per_night"] - expected).abs().max() < 0.0051
    assert deals["price_per_night"].min() > 10


def test_prices_are_written_with_two_decimals() -> None:
    cells = pd.read_csv(StringIO(generated(rows=2_000, seed=1)), dtype=str)
    assert cells["price_per_night"].str.fullmatch(r"\d+\.\d\d").all()
    assert cells["original_price"].str.fullmatch(r"\d+\.\d\d").all()


def test_stays_last_from_1_to_14_nights(deals: pd.DataFrame) -> None:
    nights = (deals["checkout_date"] - deals["checkin_date"]).dt.days
    assert set(nights) == set(range(1, 15))


def test_four_deals_of_five_are_available(deals: pd.DataFrame) -> None:
    assert deals["is_available"].dtype == bool
    assert deals["is_available"].mean() == pytest.approx(0.8, abs=0.01)


def test_five_categories_make_about_80000_links(deals: pd.DataFrame) -> None:
    names = [cell.split(",") for cell in deals["categories"] if cell]
    assert {name for cell in names for name in cell} == set(CATEGORY_NAMES)
    assert all(len(set(cell)) == len(cell) for cell in names)
    assert sum(map(len, names)) == pytest.approx(80_000, rel=0.01)
    assert 0.02 < (deals["categories"] == "").mean() < 0.06


def test_created_at_is_an_instant_before_the_stay(deals: pd.DataFrame) -> None:
    assert str(deals["created_at"].dt.tz) == "UTC"
    assert (deals["created_at"].dt.tz_localize(None) < deals["checkin_date"]).all()


def test_ids_are_unique_and_not_row_numbers(deals: pd.DataFrame) -> None:
    assert deals["id"].is_unique
    assert deals["id"].min() > 0
    assert not deals["id"].is_monotonic_increasing


def test_ids_do_not_depend_on_the_seed(deals: pd.DataFrame) -> None:
    other = pd.read_csv(StringIO(generated(rows=100, seed=8)))
    assert other["id"].tolist() == deals["id"].head(100).tolist()


def test_the_bytes_of_a_seed_are_known() -> None:
    digest = hashlib.sha256(generated(rows=1_000, seed=42).encode("ascii")).hexdigest()
    assert digest == "f75bd071ccc338b9147dc4633df2470054dc6acd465885953ebc22c9a9238aa5"


def test_another_seed_gives_other_deals() -> None:
    assert generated(rows=10, seed=1) != generated(rows=10, seed=2)


def test_the_repositorys_file_is_50000_rows_of_seed_42() -> None:
    assert (BACKEND.parent / "deals.csv").read_bytes() == generated(rows=50_000, seed=42).encode("ascii")


class _Void(StringIO):
    def write(self, text: str, /) -> int:
        return len(text)


def test_memory_does_not_grow_with_the_rows() -> None:
    tracemalloc.start()
    write_deals(_Void(), rows=5_000, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000
