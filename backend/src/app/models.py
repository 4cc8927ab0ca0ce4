"""The tables: hotels, deals and categories, the rollups of deals, and the keys of the service.

Rules about a single deal are methods of `Deal`; named constraints enforce them for every other writer.
"""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Numeric,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    func,
    literal_column,
    select,
    text,
)
from sqlalchemy.orm import Mapped, column_property, mapped_column, relationship

from app.db.base import Base, IntPK, Money, Timestamp, date_range_check, plain_text_check
from app.db.encoding import FOLD
from app.errors import StayDatesError

deal_categories = Table(
    "deal_categories",
    Base.metadata,
    Column("deal_id", BigInteger, ForeignKey("deals.id", ondelete="CASCADE"), primary_key=True),
    Column("category_id", BigInteger, ForeignKey("categories.id"), primary_key=True),
    Index(None, "category_id", "deal_id"),
)


_FILTERED_COLUMNS = ("hotel_id", "star_rating", "price_per_night", "discount_percent", "checkin_date", "is_available")


def _sort_index(column: str) -> Index:
    """An index in the order of the column that includes the columns of most filters (ADR 9)."""
    return Index(None, column, "id", postgresql_include=[other for other in _FILTERED_COLUMNS if other != column])


class Deal(Base):
    """A room in a hotel for a stay, at a price. The star rating belongs to the deal, not to the hotel."""

    __tablename__ = "deals"
    __table_args__ = (
        CheckConstraint(plain_text_check("room_type"), "room_type_is_plain"),
        CheckConstraint("star_rating BETWEEN 1 AND 5", "star_rating_from_1_to_5"),
        CheckConstraint("price_per_night > 0", "price_per_night_is_positive"),
        CheckConstraint("original_price > 0", "original_price_is_positive"),
        CheckConstraint("discount_percent BETWEEN 0 AND 100", "discount_percent_from_0_to_100"),
        CheckConstraint("checkout_date > checkin_date", "checkout_after_checkin"),
        *(
            CheckConstraint(date_range_check(column), f"{column}_within_the_calendar")
            for column in ("checkin_date", "checkout_date", "created_at", "updated_at")
        ),
        Index(None, "hotel_id", "star_rating", "price_per_night"),
        *(
            _sort_index(column)
            for column in ("star_rating", "price_per_night", "discount_percent", "checkin_date", "created_at")
        ),
        Index("ix_deals_folded_room_type_id", text(FOLD.format("room_type")), "id", postgresql_include=["room_type"]),
        Index(
            "ix_deals_available_hotel_id_price", "hotel_id", "price_per_night", postgresql_where=text("is_available")
        ),
    )

    id: Mapped[IntPK]
    external_id: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    hotel_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("hotels.id"))
    room_type: Mapped[str] = mapped_column(String(100))
    star_rating: Mapped[int] = mapped_column(SmallInteger)
    price_per_night: Mapped[Money]
    original_price: Mapped[Money]
    discount_percent: Mapped[int] = mapped_column(SmallInteger)
    checkin_date: Mapped[date]
    checkout_date: Mapped[date]
    is_available: Mapped[bool] = mapped_column(server_default=text("true"))
    version: Mapped[int] = mapped_column(server_default=text("1"))
    created_at: Mapped[Timestamp]
    updated_at: Mapped[Timestamp]

    hotel: Mapped["Hotel"] = relationship(back_populates="deals", lazy="raise")
    categories: Mapped[list["Category"]] = relationship(
        secondary=deal_categories,
        back_populates="deals",
        order_by="Category.name",
        lazy="raise",
        passive_deletes=True,
    )

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  SQLAlchemy reads it as a plain class attribute

    def reschedule(self, *, checkin: date, checkout: date) -> None:
        """Set the dates of the stay. Raises StayDatesError unless it lasts at least one night."""
        if checkout <= checkin:
            raise StayDatesError
        self.checkin_date, self.checkout_date = checkin, checkout


class DealRollup(Base):
    """The number of deals of a hotel with a star rating and an availability, and the sum of their prices per night.

    Triggers update the rollups in the transaction that writes deals, and nothing else does (ADR 7). Counts may be zero.
    """

    __tablename__ = "deal_rollup"
    __table_args__ = {"postgresql_with": {"fillfactor": 50}}  # noqa: RUF012  SQLAlchemy reads it as a plain class attribute

    hotel_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("hotels.id", ondelete="CASCADE"), primary_key=True)
    star_rating: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    is_available: Mapped[bool] = mapped_column(primary_key=True)
    deal_count: Mapped[int] = mapped_column(BigInteger)
    price_sum: Mapped[Decimal] = mapped_column(Numeric(24, 2))


class CategoryRollup(Base):
    """The same by category; a deal is counted once in each of its categories."""

    __tablename__ = "category_rollup"
    __table_args__ = (Index(None, "hotel_id"), {"postgresql_with": {"fillfactor": 50}})

    category_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("categories.id", ondelete="CASCADE"), primary_key=True
    )
    hotel_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("hotels.id", ondelete="CASCADE"), primary_key=True)
    star_rating: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    is_available: Mapped[bool] = mapped_column(primary_key=True)
    deal_count: Mapped[int] = mapped_column(BigInteger)
    price_sum: Mapped[Decimal] = mapped_column(Numeric(24, 2))


class Hotel(Base):
    """A hotel, identified by its phone and by its name, city and country."""

    __tablename__ = "hotels"
    __table_args__ = (
        *(
            CheckConstraint(plain_text_check(column), f"{column}_is_plain")
            for column in ("name", "city", "country", "phone")
        ),
        UniqueConstraint("name", "city", "country"),
        Index("ix_hotels_folded_city", text(FOLD.format("city"))),
        Index("ix_hotels_folded_country", text(FOLD.format("country"))),
    )

    id: Mapped[IntPK] = mapped_column()
    name: Mapped[str] = mapped_column(String(200))
    city: Mapped[str] = mapped_column(String(100))
    country: Mapped[str] = mapped_column(String(100))
    phone: Mapped[str] = mapped_column(String(32), unique=True)

    avg_star_rating: Mapped[Decimal | None] = column_property(
        select(
            func.round(
                func.sum(DealRollup.star_rating * DealRollup.deal_count)
                / func.nullif(func.sum(DealRollup.deal_count), literal_column("0")),
                literal_column("2"),
            )
        )
        .where(DealRollup.hotel_id == id)  # noqa: A003  the column of this class
        .correlate_except(DealRollup)
        .scalar_subquery(),
        deferred=True,
        raiseload=True,
    )
    """Average star rating of all deals of the hotel, with two decimals; None without deals. Loaded only if selected."""

    deals: Mapped[list[Deal]] = relationship(back_populates="hotel", lazy="raise", passive_deletes="all")


class Category(Base):
    """A label for deals; its name is unique case-insensitively."""

    __tablename__ = "categories"
    __table_args__ = (
        CheckConstraint(plain_text_check("name"), "name_is_plain"),
        Index("uq_categories_folded_name", text(FOLD.format("name")), unique=True),
    )

    id: Mapped[IntPK]
    name: Mapped[str] = mapped_column(String(50))

    deals: Mapped[list[Deal]] = relationship(
        secondary=deal_categories, back_populates="categories", lazy="raise", passive_deletes=True
    )


class ApiKey(Base):
    """An API key of a client. Only a digest of its secret is stored, so that the table does not reveal usable keys."""

    __tablename__ = "api_keys"
    __table_args__ = (
        CheckConstraint("public_id ~ '^[0-9a-f]{12}$'", "public_id_is_hexadecimal"),
        CheckConstraint(plain_text_check("name"), "name_is_plain"),
        CheckConstraint("octet_length(digest) = 32", "digest_has_32_bytes"),
        CheckConstraint(
            "scopes <@ ARRAY['deals:write', 'deals:admin'] AND cardinality(scopes) > 0", "scopes_are_known"
        ),
    )

    public_id: Mapped[str] = mapped_column(String(12), primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    digest: Mapped[bytes]
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    created_at: Mapped[Timestamp]
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SigningKey(Base):
    """A random key for one purpose, created by a migration and shared by all processes that use the database."""

    __tablename__ = "signing_keys"

    purpose: Mapped[str] = mapped_column(String(50), primary_key=True)
    key: Mapped[bytes]


class IdempotencyKey(Base):
    """An `Idempotency-Key` of a client, with the response to the first request that had it.

    The transaction of that request writes both. The response is None until the transaction stores it, and no other
    transaction sees the row before the commit.
    """

    __tablename__ = "idempotency_keys"

    client: Mapped[str] = mapped_column(String(64), primary_key=True)
    """Id of the API key of the request, empty without one: keys of different clients are independent."""
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    location: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[bytes | None]
    created_at: Mapped[Timestamp] = mapped_column(index=True)
