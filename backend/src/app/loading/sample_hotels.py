"""The 150 hotels of every generated file. They do not depend on the seed, so that files of two seeds fit together."""

from typing import Final, NamedTuple


class City(NamedTuple):
    name: str
    country: str
    dialling_code: str
    price_level: int
    """Per cent of what a room costs elsewhere."""


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

_FIRST_WORDS: Final = (
    "Grand",
    "Royal",
    "Crown",
    "Imperial",
    "Golden",
    "Harbour",
    "Park",
    "Riverside",
    "Central",
    "Skyline",
    "Garden",
    "Metropolitan",
)
_SECOND_WORDS: Final = ("Plaza", "Palace", "Tower", "Hotel", "Inn", "Residence", "Suites", "House")
_HOTEL_COUNT: Final = 150


def _hotel(number: int) -> SampleHotel:
    """Steps that share no factor with what they walk over: a name comes back only in another city, a line never."""
    city = CITIES[number % len(CITIES)]
    first = _FIRST_WORDS[number * 5 % len(_FIRST_WORDS)]
    second = _SECOND_WORDS[(number + number // len(_FIRST_WORDS)) % len(_SECOND_WORDS)]
    line = 1000 + (number * 1667 + 555) % 9000
    return SampleHotel(f"{first} {second}", city, f"{city.dialling_code}-555-{line}")


HOTELS: Final = tuple(_hotel(number) for number in range(_HOTEL_COUNT))
