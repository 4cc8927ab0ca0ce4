"""Rules of the entities, and the named constraints that enforce them in the database."""

from datetime import date
from decimal import Decimal

import pytest
from sqlalchemy import inspect, select, text
from sqlalchemy.exc import IntegrityError, InvalidRequestError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.base import Base
from app.errors import StayDatesError
from app.models import Deal, Hotel
from tests.factories import DealFactory, HotelFactory

_INVALID_DEALS = [
    ("ck_deals_room_type_is_plain", {"room_type": ""}),
    ("ck_deals_room_type_is_plain", {"room_type": " Deluxe"}),
    ("ck_deals_room_type_is_plain", {"room_type": "De\u0007luxe"}),
    ("ck_deals_room_type_is_plain", {"room_type": "Cafe\u0301"}),
    ("ck_deals_star_rating_from_1_to_5", {"star_rating": 0}),
    ("ck_deals_star_rating_from_1_to_5", {"star_rating": 6}),
    ("ck_deals_price_per_night_is_positive", {"price_per_night": Decimal(0)}),
    ("ck_deals_original_price_is_positive", {"original_price": Decimal(-1)}),
    ("ck_deals_discount_percent_from_0_to_100", {"discount_percent": 101}),
    ("ck_deals_checkout_after_checkin", {"checkout_date": date(2026, 3, 1)}),
    ("ck_deals_checkin_date_within_the_calendar", {"checkin_date": date(1999, 12, 31)}),
    ("ck_deals_checkout_date_within_the_calendar", {"checkout_date": date(2100, 1, 2)}),
]


@pytest.mark.parametrize(("constraint", "values"), _INVALID_DEALS)
async def test_invalid_deal_violates_the_named_constraint(
    session: AsyncSession, constraint: str, values: dict[str, object]
) -> None:
    session.add(DealFactory.build(**values))
    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        await session.flush()


@pytest.mark.parametrize("value", ["infinity", "-infinity", "0044-03-15 BC"])
@pytest.mark.parametrize("column", ["checkin_date", "checkout_date", "created_at"])
async def test_infinite_and_bc_dates_violate_a_check_constraint(session: AsyncSession, column: str, value: str) -> None:
    session.add(DealFactory.build())
    await session.flush()
    with pytest.raises(IntegrityError, match="violates check constraint"):
        await session.execute(text(f"UPDATE deals SET {column} = '{value}'"))  # noqa: S608  names from the table above


@pytest.mark.parametrize("column", ["name", "city", "country", "phone"])
async def test_padded_hotel_text_violates_the_named_constraint(session: AsyncSession, column: str) -> None:
    session.add(HotelFactory.build(**{column: " padded "}))
    with pytest.raises(IntegrityError, match=f'"ck_hotels_{column}_is_plain"'):
        await session.flush()


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("uq_hotels_phone", {"phone": "+1-416-555-1333"}),
        ("uq_hotels_name_city_country", {"name": "Crown Tower", "city": "Toronto", "country": "Canada"}),
    ],
)
async def test_duplicate_hotel_violates_the_named_constraint(
    session: AsyncSession, constraint: str, values: dict[str, str]
) -> None:
    session.add_all([HotelFactory.build(**values), HotelFactory.build(**values)])
    with pytest.raises(IntegrityError, match=f'"{constraint}"'):
        await session.flush()


async def test_external_id_is_unique_but_several_deals_may_have_none(session: AsyncSession) -> None:
    session.add_all([DealFactory.build(), DealFactory.build(), DealFactory.build(external_id=7)])
    await session.flush()
    session.add(DealFactory.build(external_id=7))
    with pytest.raises(IntegrityError, match='"uq_deals_external_id"'):
        await session.flush()


async def test_lazy_loading_raises(session: AsyncSession) -> None:
    session.add(DealFactory.build())
    await session.commit()
    session.expunge_all()
    deal = (await session.scalars(select(Deal))).one()
    with pytest.raises(InvalidRequestError, match="lazy='raise'"):
        _ = deal.hotel
    hotel = (await session.scalars(select(Hotel))).one()
    with pytest.raises(InvalidRequestError, match="lazy='raise'"):
        _ = hotel.deals


def test_reschedule_rejects_a_stay_without_a_night() -> None:
    deal = DealFactory.build()
    deal.reschedule(checkin=date(2026, 5, 1), checkout=date(2026, 5, 2))
    assert (deal.checkin_date, deal.checkout_date) == (date(2026, 5, 1), date(2026, 5, 2))
    with pytest.raises(StayDatesError):
        deal.reschedule(checkin=date(2026, 5, 2), checkout=date(2026, 5, 2))


async def test_models_and_migrations_have_the_same_constraint_names(session: AsyncSession) -> None:
    def get_names(sync_session: object) -> set[str]:
        inspector = inspect(session.sync_session.connection())
        names: set[str] = set()
        for table in Base.metadata.tables:
            names |= {str(row["name"]) for row in inspector.get_check_constraints(table)}
            names |= {str(row["name"]) for row in inspector.get_foreign_keys(table)}
            names |= {str(row["name"]) for row in inspector.get_unique_constraints(table)}
            names.add(str(inspector.get_pk_constraint(table)["name"]))
        return names

    in_models = {str(constraint.name) for table in Base.metadata.tables.values() for constraint in table.constraints}
    assert await session.run_sync(get_names) == in_models
