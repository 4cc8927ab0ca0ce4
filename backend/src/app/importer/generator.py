"""Generate files of sample deals: the same rows and seed give the same bytes on any platform."""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Final, NamedTuple, TextIO, TypeVar

from app.importer.types import COLUMN_NAMES

Option = TypeVar("Option")

CATEGORY_NAMES: Final = ("luxury", "romantic", "family", "business", "beach")


class City(NamedTuple):
    name: str
    country: str
    dialling_code: str
    price_level: int
    """Room prices in per cent of the average city's."""


class SampleHotel(NamedTuple):
    name: str
    city: City
    phone: str


CITIES: Final = (
    City("London", "United Kingdom", "+44-20", 130),
    City("Paris", "France", "+33-1", 125),
    City("Berlin", "Germany", "+49-30", 90),
    City("Rome", "Italy", "+39-06", 105),
    City("Madrid", "Spain", "+34-91", 90),
    City("Istanbul", "Turkey", "+90-212", 70),
    City("New York", "United States", "+1-212", 150),
    City("Los Angeles", "United States", "+1-213", 130),
    City("Toronto", "Canada", "+1-416", 110),
    City("Mexico City", "Mexico", "+52-55", 65),
    City("Buenos Aires", "Argentina", "+54-11", 60),
    City("Dubai", "United Arab Emirates", "+971-4", 120),
    City("Mumbai", "India", "+91-22", 60),
    City("Bangkok", "Thailand", "+66-2", 55),
    City("Tokyo", "Japan", "+81-3", 115),
    City("Seoul", "South Korea", "+82-2", 100),
    City("Sydney", "Australia", "+61-2", 115),
)

_HOTEL_COUNT: Final = 150
_FIRST_WORDS: Final = (
    *("Grand", "Royal", "Crown", "Imperial", "Golden", "Harbour"),
    *("Park", "Riverside", "Central", "Skyline", "Garden", "Metropolitan"),
)
_SECOND_WORDS: Final = ("Plaza", "Palace", "Tower", "Hotel", "Inn", "Residence", "Suites", "House")

# Rooms with their average prices in cents; a value that is repeated is drawn more often.
_ROOMS: Final = (
    ("Single", 79_00),
    ("Double", 119_00),
    ("Twin", 115_00),
    ("Deluxe", 189_00),
    ("Family", 169_00),
    ("Executive", 219_00),
    ("Suite", 299_00),
)
_STARS: Final = (1,) * 1 + (2,) * 6 + (3,) * 19 + (4,) * 32 + (5,) * 42
_CATEGORY_COUNTS: Final = (0,) * 4 + (1,) * 45 + (2,) * 38 + (3,) * 13
_CATEGORY_CELLS: Final = tuple(
    tuple(",".join(names) for names in permutations(CATEGORY_NAMES, count)) for count in range(4)
)
_AVAILABILITY: Final = ("True",) * 4 + ("False",)

_MAX_NIGHTS: Final = 14
_FIRST_CHECKIN: Final = date(2026, 1, 1)
_CHECKIN_DAYS: Final = 365
_DAYS: Final = tuple((_FIRST_CHECKIN + timedelta(days=days)).isoformat() for days in range(_CHECKIN_DAYS + _MAX_NIGHTS))
_FIRST_CREATION: Final = datetime(2025, 1, 1, tzinfo=UTC)
_CREATION_SECONDS: Final = 364 * 24 * 60 * 60

IDS_PER_SEED: Final = 999_999_937
ID_STEP: Final = 387_420_489
"""Coprime to IDS_PER_SEED, so that ids repeat only after IDS_PER_SEED rows."""
_ID_BLOCKS: Final = 1_000_000
"""All ids are below 10**15: JSON clients and spreadsheets represent them exactly."""
_SEED_OF_FIRST_BLOCK: Final = 42


def _build_hotel(number: int) -> SampleHotel:
    """The steps are coprime to the ranges: names repeat only in different cities, and phone numbers never do."""
    city = CITIES[number % len(CITIES)]
    first = _FIRST_WORDS[number * 5 % len(_FIRST_WORDS)]
    second = _SECOND_WORDS[(number + number // len(_FIRST_WORDS)) % len(_SECOND_WORDS)]
    subscriber = 1000 + (number * 1667 + 555) % 9000
    return SampleHotel(f"{first} {second}", city, f"{city.dialling_code}-555-{subscriber}")


HOTELS: Final = tuple(_build_hotel(number) for number in range(_HOTEL_COUNT))


def write_deals(out: TextIO, *, rows: int, seed: int) -> None:
    r"""Write a header and `rows` deals to `out` in constant memory, in ASCII with "\n" as line ending.

    All 150 hotels occur from 150 rows on, and they are the same for every seed. Ids are unique within a file of up to
    999,999,937 rows. Files of two seeds have no id in common, so that loading one does not overwrite the deals of the
    other, unless the seeds differ by a multiple of 1,000,000: then they have the same ids. Open the file with
    `newline=""`.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMN_NAMES)
    writer.writerows(_generate_rows(rows, first_id=_get_first_id(seed), random=Random(seed).random))  # noqa: S311  sample data, not a secret


def _get_first_id(seed: int) -> int:
    """The lowest id of the seed's own block of IDS_PER_SEED ids."""
    return 1 + (seed - _SEED_OF_FIRST_BLOCK) % _ID_BLOCKS * IDS_PER_SEED


def _generate_rows(rows: int, *, first_id: int, random: Callable[[], float]) -> Iterator[tuple[str | int, ...]]:
    # Only random() is used: Python does not promise that choice() or shuffle() give the same results in every version.
    def below(limit: int) -> int:
        return int(random() * limit)

    def pick(options: Sequence[Option]) -> Option:
        return options[int(random() * len(options))]

    for number in range(rows):
        hotel = HOTELS[number] if number < len(HOTELS) else pick(HOTELS)
        room, base_price = pick(_ROOMS)
        stars, discount, arrival = pick(_STARS), below(61), below(_CHECKIN_DAYS)
        original = base_price * hotel.city.price_level * (60 + 10 * stars + below(40)) // 10_000
        yield (
            first_id + (number * ID_STEP + ID_STEP // 2) % IDS_PER_SEED,
            hotel.name,
            hotel.city.name,
            hotel.city.country,
            stars,
            hotel.phone,
            room,
            _format_price((original * (100 - discount) + 50) // 100),
            _format_price(original),
            discount,
            _DAYS[arrival],
            _DAYS[arrival + 1 + below(_MAX_NIGHTS)],
            pick(_AVAILABILITY),
            pick(_CATEGORY_CELLS[pick(_CATEGORY_COUNTS)]),
            f"{_FIRST_CREATION + timedelta(seconds=below(_CREATION_SECONDS)):%Y-%m-%dT%H:%M:%SZ}",
        )


def _format_price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
