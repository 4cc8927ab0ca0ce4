"""Storing the categories of a row as names and links."""

import pytest

from app.importer.types import MergeResult, OnConflict
from tests.support.case_spellings import SPELLINGS
from tests.support.deal_files import row
from tests.support.import_catalogue import Catalogue, Importer

LINKS = """
    SELECT external_id, string_agg(name, ',' ORDER BY name)
    FROM deals LEFT JOIN deal_categories ON deal_id = deals.id LEFT JOIN categories ON categories.id = category_id
    GROUP BY external_id ORDER BY external_id
"""
NAMES = "SELECT name FROM categories ORDER BY lower(name)"


def test_deal_may_have_several_categories_or_none(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(categories=" luxury, beach ,"), row(id="8", categories=""), row(id="9", categories="beach"))
    assert catalogue.all(LINKS) == [(7, "beach,luxury"), (8, None), (9, "beach")]


def test_names_are_case_insensitive_and_first_spelling_is_stored(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(categories="beach,Luxury"), row(id="8", categories="LUXURY"), row(id="9", categories="luxury,Beach"))
    assert catalogue.all(NAMES) == [("beach",), ("Luxury",)]
    assert catalogue.all(LINKS) == [(7, "Luxury,beach"), (8, "Luxury"), (9, "Luxury,beach")]


def test_existing_category_is_matched_case_insensitively(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(categories="luxury"))
    report = importer(row(id="8", categories="LUXURY,new"))
    assert report.merged == MergeResult(categories_added=1, deals_inserted=1, links_written=2)
    assert catalogue.all(NAMES) == [("luxury",), ("new",)]


def test_case_is_folded_by_the_database(importer: Importer, catalogue: Catalogue) -> None:
    """PostgreSQL and Python disagree on some letters."""
    importer(row(categories="İ,i"))
    assert catalogue.one("SELECT count(*) = count(DISTINCT upper(lower(name))) FROM categories")
    assert importer(row(categories="i,İ")).merged == MergeResult(deals_unchanged=1)


def test_import_finds_categories_ignoring_case(importer: Importer, catalogue: Catalogue) -> None:
    for line, (stored, searched) in enumerate(SPELLINGS[1:]):
        importer(row(id=str(2 * line + 1), categories=f"{stored},{searched}"))
        importer(row(id=str(2 * line + 2), categories=searched))
        assert catalogue.one("SELECT name FROM categories ORDER BY id DESC LIMIT 1") == stored
    assert catalogue.one("SELECT count(*) FROM deal_categories") == 2 * len(SPELLINGS[1:])


def test_same_categories_in_other_order_and_case_change_nothing(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(categories="luxury,romantic"))
    assert importer(row(categories="ROMANTIC, Luxury")).merged == MergeResult(deals_unchanged=1)


@pytest.mark.parametrize(
    ("newer", "links_written"),
    [("luxury", 0), ("luxury,beach", 1), ("luxury,romantic,beach", 1), ("", 0), ("family", 1)],
)
def test_different_categories_replace_the_links(
    importer: Importer, catalogue: Catalogue, newer: str, links_written: int
) -> None:
    importer(row(categories="luxury,romantic"), row(id="8", categories="beach,family"))
    report = importer(row(categories=newer), row(id="8", categories="beach,family"))
    assert report.merged == MergeResult(deals_updated=1, deals_unchanged=1, links_written=links_written)
    assert catalogue.all(LINKS) == [(7, ",".join(sorted(newer.split(","))) or None), (8, "beach,family")]
    assert catalogue.all("SELECT version FROM deals ORDER BY external_id") == [(2,), (1,)]


def test_skip_preserves_links_of_existing_deals(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(categories="luxury"))
    importer(row(categories="beach"), on_conflict=OnConflict.SKIP)
    assert catalogue.all(LINKS) == [(7, "luxury")]


def test_rejected_row_adds_no_category(importer: Importer, catalogue: Catalogue) -> None:
    importer(row(categories="beach"), row(id="x", categories="ghost"), partial=True)
    assert catalogue.all(NAMES) == [("beach",)]
