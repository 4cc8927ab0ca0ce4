"""GET /deals/{id}."""

from datetime import date
from decimal import Decimal

from httpx import AsyncClient
from sqlalchemy.ext.asyncio import AsyncSession

from tests.factories import DealFactory, HotelFactory


async def test_get_deal_includes_its_hotel_and_average_rating(client: AsyncClient, session: AsyncSession) -> None:
    hotel = HotelFactory.build(name="Crown Tower", phone="+1-416-555-1333")
    deal = DealFactory.build(
        external_id=40117,
        hotel=hotel,
        star_rating=5,
        price_per_night=Decimal("129.00"),
        original_price=Decimal("184.50"),
        discount_percent=30,
        checkin_date=date(2026, 3, 1),
    )
    session.add_all(
        [deal, DealFactory.build(hotel=hotel, star_rating=2), DealFactory.build(hotel=hotel, star_rating=4)]
    )
    await session.commit()
    response = await client.get(f"/deals/{deal.id}")
    assert response.status_code == 200
    body = response.json()
    assert body.pop("created_at").endswith("Z")
    assert body.pop("updated_at").endswith("Z")
    assert body == {
        "id": deal.id,
        "external_id": 40117,
        "room_type": "Deluxe",
        "star_rating": 5,
        "price_per_night": 129.0,
        "original_price": 184.5,
        "discount_percent": 30,
        "checkin_date": "2026-03-01",
        "checkout_date": "2026-03-04",
        "is_available": True,
        "categories": [],
        "version": 1,
        "hotel": {
            "id": hotel.id,
            "name": "Crown Tower",
            "city": "Toronto",
            "country": "Canada",
            "phone": "+1-416-555-1333",
            "avg_star_rating": 3.67,
        },
    }
