"""The command."""

import click


@click.command()
@click.argument("words", nargs=-1)
@click.option("--times", default=1, help="How often.")
def shout(words, times):
    """Say WORDS louder."""
    click.echo(" ".join(words * times).upper())
