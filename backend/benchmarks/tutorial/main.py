"""The application in one file, as a FastAPI tutorial has it."""

import logging
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any
from uuid import uuid4

from fastapi import Depends, FastAPI, HTTPException, Request, Response
from sqlalchemy import Row, Select, func, make_url, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import joinedload, selectinload
from starlette.middleware.base import RequestResponseEndpoint

from benchmarks.tutorial.models import Category, Deal, Hotel
from benchmarks.tutorial.schemas import CityStats, DealCreate, DealOut, DealPage, DealPatch

engine = create_async_engine(make_url(os.environ["DATABASE_URL"]).set(drivername="postgresql+asyncpg"))
sessions = async_sessionmaker(engine, expire_on_commit=False)
app = FastAPI()
logging.basicConfig(stream=sys.stdout, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
log = logging.getLogger("access")


@app.middleware("http")
async def log_request(request: Request, call_next: RequestResponseEndpoint) -> Response:
    """A request id and an access line, as in the service."""
    started, request_id = time.perf_counter(), request.headers.get("x-request-id", uuid4().hex)
    response = await call_next(request)
    response.headers["x-request-id"] = request_id
    ms = round((time.perf_counter() - started) * 1000, 2)
    log.info("%s %s %s %s ms %s", request.method, request.url.path, response.status_code, ms, request_id)
    return response


async def get_db() -> AsyncIterator[AsyncSession]:
    async with sessions() as session:
        yield session


DB = Annotated[AsyncSession, Depends(get_db)]


def create_app() -> FastAPI:
    return app


def _deals() -> Select[Deal]:
    return select(Deal).options(joinedload(Deal.hotel), selectinload(Deal.categories))


@app.get("/deals", response_model=DealPage)
async def list_deals(
    db: DB,
    *,
    city: str | None = None,
    min_stars: int | None = None,
    price_min: float | None = None,
    price_max: float | None = None,
    skip: int = 0,
    limit: int = 20,
) -> dict[str, object]:
    query = _deals()
    if city is not None:
        query = query.join(Deal.hotel).where(func.lower(Hotel.city) == city.lower())
    if min_stars is not None:
        query = query.where(Deal.star_rating >= min_stars)
    if price_min is not None:
        query = query.where(Deal.price_per_night >= price_min)
    if price_max is not None:
        query = query.where(Deal.price_per_night <= price_max)
    total = await db.scalar(select(func.count()).select_from(query.subquery()))
    deals = (await db.scalars(query.order_by(Deal.id).offset(skip).limit(limit))).all()
    return {"items": deals, "total": total, "skip": skip, "limit": limit}


@app.get("/deals/stats", response_model=list[CityStats])
async def get_deal_stats(db: DB, *, available_only: bool = True) -> list[Row[Any]]:
    average = func.round(func.avg(Deal.price_per_night), 2).label("avg_price")
    query = select(Hotel.city, average, func.count().label("deal_count")).join(Deal.hotel)
    if available_only:
        query = query.where(Deal.is_available)
    query = query.group_by(Hotel.city).order_by(func.count().desc(), Hotel.city)
    return list(await db.execute(query))


@app.get("/deals/{deal_id}", response_model=DealOut)
async def get_deal(deal_id: int, db: DB) -> Deal:
    deal = await db.scalar(_deals().where(Deal.id == deal_id))
    if deal is None:
        raise HTTPException(404, "Deal not found")
    return deal


@app.post("/deals", response_model=DealOut, status_code=201)
async def create_deal(new: DealCreate, db: DB) -> Deal:
    if await db.get(Hotel, new.hotel_id) is None:
        raise HTTPException(404, "Hotel not found")
    categories = (await db.scalars(select(Category).where(Category.name.in_(new.categories)))).all()
    deal = Deal(**new.model_dump(exclude={"categories"}), categories=list(categories))
    db.add(deal)
    await db.commit()
    return await _reload(db, deal.id)


@app.patch("/deals/{deal_id}", response_model=DealOut)
async def update_deal(deal_id: int, patch: DealPatch, db: DB) -> Deal:
    deal = await get_deal(deal_id, db)
    if patch.version is not None and patch.version != deal.version:
        raise HTTPException(409, "Version conflict")
    for name, value in patch.model_dump(exclude_unset=True, exclude={"version"}).items():
        setattr(deal, name, value)
    deal.version += 1
    await db.commit()
    return await _reload(db, deal.id)


async def _reload(db: AsyncSession, deal_id: int) -> Deal:
    query = _deals().where(Deal.id == deal_id).execution_options(populate_existing=True)
    return (await db.scalars(query)).one()
