"""The tables; the average star rating is a correlated subquery that is loaded with every hotel."""

from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Column, DateTime, ForeignKey, Identity, Numeric, SmallInteger, Table, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, column_property, mapped_column, relationship


class Base(DeclarativeBase):
    pass


deal_categories = Table(
    "deal_categories",
    Base.metadata,
    Column("deal_id", ForeignKey("deals.id"), primary_key=True),
    Column("category_id", ForeignKey("categories.id"), primary_key=True),
)


class Category(Base):
    __tablename__ = "categories"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]


class Deal(Base):
    __tablename__ = "deals"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    external_id: Mapped[int | None] = mapped_column(BigInteger)
    hotel_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("hotels.id"))
    room_type: Mapped[str]
    star_rating: Mapped[int] = mapped_column(SmallInteger)
    price_per_night: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    original_price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    discount_percent: Mapped[int] = mapped_column(SmallInteger)
    checkin_date: Mapped[date]
    checkout_date: Mapped[date]
    is_available: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(
        DateTime(timezone=True), server_default=func.now(), onupdate=func.now()
    )

    hotel: Mapped["Hotel"] = relationship()
    categories: Mapped[list[Category]] = relationship(secondary=deal_categories, order_by=Category.name)


class Hotel(Base):
    __tablename__ = "hotels"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str]
    city: Mapped[str]
    country: Mapped[str]
    phone: Mapped[str]

    avg_star_rating: Mapped[Decimal | None] = column_property(
        select(func.round(func.avg(Deal.star_rating), 2))
        .where(Deal.hotel_id == id)  # noqa: A003  the column of this class
        .correlate_except(Deal)
        .scalar_subquery()
    )
