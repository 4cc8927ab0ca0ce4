"""How a row's categories become text."""

import pytest

from loading.catalogues import Catalogue, Importer
from loading.deal_files import row


@pytest.mark.parametrize(
    ("cell", "text"),
    [("", ""), ("luxury", "luxury"), (" luxury ,, beach,", "luxury,beach"), ("Luxury,beach,LUXURY", "Luxury,beach")],
)
def test_names_are_stored_once_with_commas_between_them(
    importer: Importer, catalogue: Catalogue, cell: str, text: str
) -> None:
    importer(row(categories=cell))
    assert catalogue.one("SELECT categories FROM deals") == text
