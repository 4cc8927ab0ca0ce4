"""How many examples a property is tried with: always the same ones, so that a failure comes again."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)


def examples(count: int) -> settings:
    """Decorates a property that is tried with `count` examples."""
    return settings(settings.get_profile("repeatable"), max_examples=count)
