"""What the health endpoints say."""

from typing import Literal

from app.schemas.base import Output


class Health(Output):
    status: Literal["ok"] = "ok"


class Readiness(Health):
    """Each dependency with its state."""

    database: Literal["ok"] = "ok"
    migrations: Literal["ok"] = "ok"
