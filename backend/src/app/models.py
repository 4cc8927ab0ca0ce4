"""The catalogue: hotels, their deals, and the categories deals are filed under.

A rule that can be stated about one deal is a method of `Deal`; the named constraints are the net under it.
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
from app.errors import StayDatesError

deal_categories = Table(
    "deal_categories",
    Base.metadata,
    Column("deal_id", BigInteger, ForeignKey("deals.id", ondelete="CASCADE"), primary_key=True),
    Column("category_id", BigInteger, ForeignKey("categories.id"), primary_key=True),
    Index(None, "category_id", "deal_id"),
)


_FILTERED = ("hotel_id", "star_rating", "price_per_night", "discount_percent", "checkin_date", "is_available")


def _walked(column: str) -> Index:
    """An index to walk along in the order of the column: which deals match most filters it tells by itself."""
    return Index(None, column, "id", postgresql_include=[other for other in _FILTERED if other != column])


class Deal(Base):
    """A room in a hotel for a stay, at a price. The star rating is the deal's own."""

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
            _walked(column)
            for column in ("star_rating", "price_per_night", "discount_percent", "checkin_date", "created_at")
        ),
        Index("ix_deals_lower_room_type_id", text("lower(room_type)"), "id", postgresql_include=["room_type"]),
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
        """Move the stay. Raises StayDatesError unless it lasts a night at least."""
        if checkout <= checkin:
            raise StayDatesError
        self.checkin_date, self.checkout_date = checkin, checkout


class DealRollup(Base):
    """How many deals of a hotel have these stars and this availability, and the sum of their prices per night.

    Triggers keep the rollups exact in the transaction that writes deals; nothing else writes them. Sums may be zero.
    """

    __tablename__ = "deal_rollup"
    __table_args__ = {"postgresql_with": {"fillfactor": 50}}  # noqa: RUF012  SQLAlchemy reads it as a plain class attribute

    hotel_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("hotels.id", ondelete="CASCADE"), primary_key=True)
    star_rating: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    is_available: Mapped[bool] = mapped_column(primary_key=True)
    deal_count: Mapped[int] = mapped_column(BigInteger)
    price_sum: Mapped[Decimal] = mapped_column(Numeric(24, 2))


class CategoryRollup(Base):
    """The same of the deals in a category; a deal is in it once for each of its categories."""

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
    """A house with an address and a phone number of its own."""

    __tablename__ = "hotels"
    __table_args__ = (
        *(
            CheckConstraint(plain_text_check(column), f"{column}_is_plain")
            for column in ("name", "city", "country", "phone")
        ),
        UniqueConstraint("name", "city", "country"),
        Index("ix_hotels_lower_city", text("lower(city)")),
        Index("ix_hotels_lower_country", text("lower(country)")),
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
    """The average star rating of all deals of the hotel, two decimals, None without deals; load it by name."""

    deals: Mapped[list[Deal]] = relationship(back_populates="hotel", lazy="raise", passive_deletes="all")


class Category(Base):
    """A name that deals are filed under; names that differ only in case are the same."""

    __tablename__ = "categories"
    __table_args__ = (
        CheckConstraint(plain_text_check("name"), "name_is_plain"),
        Index("uq_categories_lower_name", text("lower(name)"), unique=True),
    )

    id: Mapped[IntPK]
    name: Mapped[str] = mapped_column(String(50))

    deals: Mapped[list[Deal]] = relationship(
        secondary=deal_categories, back_populates="categories", lazy="raise", passive_deletes=True
    )


class ApiKey(Base):
    """Who may write: a client's key, of which nothing is kept that could be presented as one."""

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
    """A random key made by the migration that brought its purpose; every process on this database signs with it."""

    __tablename__ = "signing_keys"

    purpose: Mapped[str] = mapped_column(String(50), primary_key=True)
    key: Mapped[bytes]


class IdempotencyKey(Base):
    """A key under which a client may send a write again, with the answer that the first one got.

    Both are written by the transaction that does the write; until it ends, the answer is None and nobody else sees it.
    """

    __tablename__ = "idempotency_keys"

    client: Mapped[str] = mapped_column(String(64), primary_key=True)
    """The id of the API key it came with, empty without one: clients do not meet."""
    key: Mapped[str] = mapped_column(String(255), primary_key=True)
    fingerprint: Mapped[bytes]
    status: Mapped[int | None] = mapped_column(SmallInteger)
    location: Mapped[str | None] = mapped_column(String(255))
    body: Mapped[bytes | None]
    created_at: Mapped[Timestamp] = mapped_column(index=True)
