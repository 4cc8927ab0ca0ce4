"""What a campaign is asked to do."""

from dataclasses import dataclass
from random import Random
from typing import Final

SERVICE: Final = "app.main:create_app"


@dataclass(frozen=True, slots=True)
class Plan:
    """How much, by which chance, and of which application."""

    seed: int = 1
    share: float = 1.0
    """Of the full size."""
    factory: str = SERVICE

    def of(self, size: int, *, least: int = 1) -> int:
        """The share of a full size."""
        return max(least, round(size * self.share))

    def chance(self, *whose: object) -> Random:
        """The same for the same seed and the same player."""
        return Random(f"{self.seed} {whose}")
