"""`deals doctor`: check the configuration."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.errors import user_errors

if TYPE_CHECKING:
    from app.cli.production_checks import CheckResult


def doctor(
    *,
    workers: Annotated[int, typer.Option(min=1, help="Number of workers that `deals serve` will have.")] = 1,
    production: Annotated[
        bool, typer.Option("--production", help="Check for production although APP_ENV is development.")
    ] = False,
) -> None:
    """Check the configuration for production.

    Reports everything that would block a production start. With APP_ENV=production or --production, exit code 1 means
    that a check failed. Otherwise it means that something blocks development too; the checks that only production
    needs are listed and do not count.
    """
    from app.cli.production_checks import run_checks
    from app.config import load_settings
    from app.db.resolve import open_database
    from app.server.launcher import ServerOptions

    with user_errors():
        settings = load_settings()
        with open_database(settings) as database:
            results = list(run_checks(settings, ServerOptions("127.0.0.1", 8000, workers=workers), url=database.url))
    report = _report_production if production or settings.is_production else _report_development
    raise typer.Exit(0 if report(results) else 1)


def _report_production(results: Iterable["CheckResult"]) -> bool:
    """Print all results. Returns whether every check passed."""
    passed = True
    for result in results:
        passed &= result.passed
        typer.echo(f"pass  {result.name}" if result.passed else f"fail  {result.name}: {result.message}")
    return passed


def _report_development(results: Iterable["CheckResult"]) -> bool:
    """Print the failed checks in two groups. Returns whether the service can run for development."""
    failed = [result for result in results if not result.passed]
    blocking = [result for result in failed if result.blocks_development]
    missing = [result for result in failed if not result.blocks_development]
    typer.echo("Not ready for development:" if blocking else "Fine for development.")
    for result in blocking:
        typer.echo(f"fail  {result.name}: {result.message}")
    if missing:
        typer.echo("Production would also need:")
    elif not blocking:
        typer.echo("Fine for production too.")
    for result in missing:
        typer.echo(f"todo  {result.name}: {result.message}")
    return not blocking
