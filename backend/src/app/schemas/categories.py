"""Categories as clients see them."""

from app.schemas.base import Output


class CategoryOut(Output):
    name: str
    deal_count: int
