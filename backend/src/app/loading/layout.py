"""The columns of a file of deals."""

from typing import Final

COLUMNS: Final = (
    "id",
    "hotel_name",
    "hotel_city",
    "hotel_country",
    "hotel_star_rating",
    "hotel_phone",
    "room_type",
    "price_per_night",
    "original_price",
    "discount_percent",
    "checkin_date",
    "checkout_date",
    "is_available",
    "categories",
    "created_at",
)
"""In the order in which they are written. A file that is read may have them in any order."""
