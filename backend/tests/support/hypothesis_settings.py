"""Hypothesis settings: always the same examples, so that failures are reproducible."""

from hypothesis import settings

settings.register_profile("repeatable", derandomize=True, deadline=None)


def examples(count: int) -> settings:
    """Decorate a property to be tried with `count` examples."""
    return settings(settings.get_profile("repeatable"), max_examples=count)
