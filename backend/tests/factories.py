"""Factories of model instances: `HotelFactory.build(city="Toronto")`, then `session.add` to store it."""

from datetime import date, timedelta
from decimal import Decimal

import factory

from app.models import Category, Deal, Hotel


class HotelFactory(factory.Factory):
    class Meta:
        model = Hotel

    name = factory.Sequence(lambda number: f"Hotel {number}")
    city = "Toronto"
    country = "Canada"
    phone = factory.Sequence(lambda number: f"+1-416-555-{number:04}")


class DealFactory(factory.Factory):
    class Meta:
        model = Deal

    hotel = factory.SubFactory(HotelFactory)
    room_type = "Deluxe"
    star_rating = 4
    price_per_night = Decimal("120.00")
    original_price = Decimal("160.00")
    discount_percent = 25
    checkin_date = date(2026, 3, 1)
    checkout_date = factory.LazyAttribute(lambda deal: deal.checkin_date + timedelta(days=3))


class CategoryFactory(factory.Factory):
    class Meta:
        model = Category

    name = factory.Sequence(lambda number: f"category {number}")
