"""The `deals` command and its groups."""

from typing import Annotated

import typer

from app.cli import api_keys, data, doctor, serve, tools

app = typer.Typer(
    help="The hotel deals service. Start with `deals dev`, then open http://127.0.0.1:8000/docs.",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would take a third of the time of `--help`
    pretty_exceptions_show_locals=False,
)


def _print_version(requested: bool) -> None:  # noqa: FBT001  called by typer
    if requested:
        from importlib.metadata import version

        typer.echo(f"deals {version('hotel-deals')}")
        raise typer.Exit


@app.callback()
def main(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Options that come before the command."""


app.command()(serve.dev)
app.command()(serve.serve)
app.command()(doctor.doctor)
app.command()(data.load)
app.command()(data.generate)
app.command()(data.migrate)
app.command()(data.verify)
app.command()(data.purge)
app.add_typer(api_keys.keys, name="keys")
app.command()(tools.psql)
app.command()(tools.shell)
app.command()(tools.openapi)
app.command(add_help_option=False, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
    tools.bench
)
