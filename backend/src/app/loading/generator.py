"""Files of invented deals: the same rows and seed give the same bytes on any machine."""

import csv
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import permutations
from random import Random
from typing import Final, TextIO, TypeVar

from app.loading.layout import COLUMNS
from app.loading.sample_hotels import HOTELS

Option = TypeVar("Option")

CATEGORY_NAMES: Final = ("luxury", "romantic", "family", "business", "beach")

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
_CATEGORY_TEXTS: Final = tuple(
    tuple(",".join(names) for names in permutations(CATEGORY_NAMES, count)) for count in range(4)
)
_AVAILABILITY: Final = ("True",) * 4 + ("False",)

_LONGEST_STAY: Final = 14
_FIRST_CHECKIN: Final = date(2026, 1, 1)
_CHECKIN_DAYS: Final = 365
_DAYS: Final = tuple(
    (_FIRST_CHECKIN + timedelta(days=days)).isoformat() for days in range(_CHECKIN_DAYS + _LONGEST_STAY)
)
_FIRST_INSTANT: Final = datetime(2025, 1, 1, tzinfo=UTC)
_CREATION_SECONDS: Final = 364 * 24 * 60 * 60

_ID_PRIME: Final = 999_999_937
_ID_STEP: Final = 387_420_489


def write_deals(out: TextIO, *, rows: int, seed: int) -> None:
    """Write a header and `rows` deals to `out`, in constant memory; the text is ASCII and its newlines are "\\n".

    The catalogue's 150 hotels all appear from 150 rows on. Hotels and ids are the same for every seed; ids are unique
    up to 999,999,936 rows. Open the file with `newline=""`.
    """
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_deals(rows, random=Random(seed).random))  # noqa: S311  invented data, not a secret


def _deals(rows: int, *, random: Callable[[], float]) -> Iterator[tuple[str | int, ...]]:
    # Only random(): what choice() or shuffle() make of a seed is not promised to stay.
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
            1 + (number * _ID_STEP + _ID_STEP // 2) % _ID_PRIME,
            hotel.name,
            hotel.city.name,
            hotel.city.country,
            stars,
            hotel.phone,
            room,
            _price((original * (100 - discount) + 50) // 100),
            _price(original),
            discount,
            _DAYS[arrival],
            _DAYS[arrival + 1 + below(_LONGEST_STAY)],
            pick(_AVAILABILITY),
            pick(_CATEGORY_TEXTS[pick(_CATEGORY_COUNTS)]),
            f"{_FIRST_INSTANT + timedelta(seconds=below(_CREATION_SECONDS)):%Y-%m-%dT%H:%M:%SZ}",
        )


def _price(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02}"
