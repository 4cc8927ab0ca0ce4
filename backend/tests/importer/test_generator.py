"""Properties of generated files that hold for every seed."""

import hashlib
import math
import tracemalloc
from io import StringIO
from typing import Final

import pandas as pd
import pytest

from app.config import BACKEND
from app.importer.generator import CATEGORY_NAMES, ID_STEP, IDS_PER_SEED, write_deals
from app.importer.types import COLUMN_NAMES

HOTEL: Final = ["hotel_name", "hotel_city", "hotel_country"]


def generate(*, rows: int, seed: int) -> str:
    out = StringIO(newline="")
    write_deals(out, rows=rows, seed=seed)
    return out.getvalue()


@pytest.fixture(scope="module")
def deals() -> pd.DataFrame:
    text = generate(rows=50_000, seed=7)
    dates = ["checkin_date", "checkout_date", "created_at"]
    return pd.read_csv(StringIO(text), keep_default_na=False, parse_dates=dates)


def test_file_has_all_columns_and_requested_rows(deals: pd.DataFrame) -> None:
    assert tuple(deals.columns) == COLUMN_NAMES
    assert len(deals) == 50_000


def test_file_has_150_hotels_with_one_phone_each(deals: pd.DataFrame) -> None:
    pairs = deals[[*HOTEL, "hotel_phone"]].drop_duplicates()
    assert len(pairs) == 150
    assert pairs["hotel_phone"].is_unique
    assert not pairs.duplicated(HOTEL).any()


def test_150_rows_contain_every_hotel() -> None:
    deals = pd.read_csv(StringIO(generate(rows=150, seed=3)))
    assert deals["hotel_phone"].nunique() == 150


def test_phones_are_international_and_fictional(deals: pd.DataFrame) -> None:
    assert deals["hotel_phone"].str.fullmatch(r"\+\d{1,3}-\d{1,3}-555-\d{4}").all()


def test_hotels_are_in_17_cities_including_toronto(deals: pd.DataFrame) -> None:
    assert deals["hotel_city"].nunique() == 17
    assert set(deals.loc[deals["hotel_city"] == "Toronto", "hotel_country"]) == {"Canada"}


def test_star_rating_varies_between_deals_of_one_hotel(deals: pd.DataFrame) -> None:
    shares = deals["hotel_star_rating"].value_counts(normalize=True)
    assert shares.to_dict() == pytest.approx({1: 0.01, 2: 0.06, 3: 0.19, 4: 0.32, 5: 0.42}, abs=0.01)
    assert deals.groupby("hotel_phone")["hotel_star_rating"].nunique().min() > 1


def test_price_is_the_discounted_original_price(deals: pd.DataFrame) -> None:
    assert deals["discount_percent"].between(0, 60).all()
    expected = deals["original_price"] * (100 - deals["discount_percent"]) / 100
    assert (deals["price_per_night"] - expected).abs().max() < 0.0051
    assert deals["price_per_night"].min() > 10


def test_prices_have_two_decimals() -> None:
    cells = pd.read_csv(StringIO(generate(rows=2_000, seed=1)), dtype=str)
    assert cells["price_per_night"].str.fullmatch(r"\d+\.\d\d").all()
    assert cells["original_price"].str.fullmatch(r"\d+\.\d\d").all()


def test_stays_last_from_1_to_14_nights(deals: pd.DataFrame) -> None:
    nights = (deals["checkout_date"] - deals["checkin_date"]).dt.days
    assert set(nights) == set(range(1, 15))


def test_80_percent_of_deals_are_available(deals: pd.DataFrame) -> None:
    assert deals["is_available"].dtype == bool
    assert deals["is_available"].mean() == pytest.approx(0.8, abs=0.01)


def test_50000_deals_have_about_80000_links_to_5_categories(deals: pd.DataFrame) -> None:
    names = [cell.split(",") for cell in deals["categories"] if cell]
    assert {name for cell in names for name in cell} == set(CATEGORY_NAMES)
    assert all(len(set(cell)) == len(cell) for cell in names)
    assert sum(map(len, names)) == pytest.approx(80_000, rel=0.01)
    assert 0.02 < (deals["categories"] == "").mean() < 0.06


def test_created_at_is_utc_and_before_the_stay(deals: pd.DataFrame) -> None:
    assert str(deals["created_at"].dt.tz) == "UTC"
    assert (deals["created_at"].dt.tz_localize(None) < deals["checkin_date"]).all()


def test_ids_are_unique_and_unordered(deals: pd.DataFrame) -> None:
    assert deals["id"].is_unique
    assert deals["id"].min() > 0
    assert not deals["id"].is_monotonic_increasing


@pytest.mark.parametrize("seed", [0, 41, 42, 43, 999_999, -1, 2**64])
def test_every_seed_has_its_own_block_of_ids(seed: int) -> None:
    ids = {int(line.partition(",")[0]) for line in generate(rows=500, seed=seed).splitlines()[1:]}
    block = (seed - 42) % 1_000_000
    assert len(ids) == 500
    assert block * IDS_PER_SEED < min(ids) < max(ids) <= (block + 1) * IDS_PER_SEED < 10**15


def test_ids_repeat_only_after_a_whole_block() -> None:
    assert math.gcd(ID_STEP, IDS_PER_SEED) == 1


def test_bytes_of_seed_42_never_change() -> None:
    digest = hashlib.sha256(generate(rows=1_000, seed=42).encode("ascii")).hexdigest()
    assert digest == "f75bd071ccc338b9147dc4633df2470054dc6acd465885953ebc22c9a9238aa5"


def test_different_seeds_give_different_deals() -> None:
    assert generate(rows=10, seed=1) != generate(rows=10, seed=2)


def test_repository_file_is_50000_rows_of_seed_42() -> None:
    assert (BACKEND.parent / "deals.csv").read_bytes() == generate(rows=50_000, seed=42).encode("ascii")


class _NullFile(StringIO):
    def write(self, text: str, /) -> int:
        return len(text)


def test_memory_is_independent_of_rows() -> None:
    tracemalloc.start()
    write_deals(_NullFile(), rows=5_000, seed=1)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 500_000
