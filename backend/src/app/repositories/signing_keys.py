"""The secrets that the service signs with."""

from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.models import SigningKey


class SigningKeyRepository:
    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def get(self, purpose: Literal["cursor"]) -> bytes:
        return (await self._session.scalars(select(SigningKey.key).where(SigningKey.purpose == purpose))).one()
