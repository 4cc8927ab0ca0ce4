"""Written values are read back unchanged, to the cent and to the character."""

from typing import Any, Final

import pytest
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st

from tests.support.deal_bodies import DEAL_PATCHES, DEALS, DEFAULTS, HOTEL_PATCHES, HOTELS, PLAIN_DEAL, Body, normalize
from tests.support.decimal_json import from_json
from tests.support.hypothesis_settings import examples
from tests.support.service import Service

_GENERATED_FIELDS: Final = {"id", "categories", "hotel", "version", "created_at", "updated_at"}


def _to_response_fields(body: Body) -> Body:
    """Convert a request body to the plain fields of the response."""
    fields = {**DEFAULTS, **body, "room_type": normalize(body["room_type"])}
    for field in ("checkin_date", "checkout_date"):
        fields[field] = fields[field].isoformat()
    del fields["categories"]
    return fields


def _get_plain_fields(deal: Body) -> Body:
    return {name: value for name, value in deal.items() if name not in _GENERATED_FIELDS}


async def _assert_categories(service: Service, sent: list[str], *, found: list[str], existing: list[str]) -> None:
    """Check that each name occurs once, ignoring case, and in the form that the catalogue already had."""
    folded = set(await service.fold(normalize(name) for name in sent))
    assert sorted(await service.fold(found)) == sorted(folded)
    assert set(found) <= {normalize(name) for name in sent} | set(existing)
    folded_existing = zip(existing, await service.fold(existing), strict=True)
    assert {name for name, fold in folded_existing if fold in folded} <= set(found)


@examples(50)
@given(hotel=HOTELS, body=DEALS)
async def test_post_deal_then_get_and_list_deals_return_it_unchanged(service: Service, hotel: Body, body: Body) -> None:
    await service.empty()
    created_hotel = await service.create("/hotels", hotel)
    deal = await service.create("/deals", {**body, "hotel_id": created_hotel["id"]})
    assert _get_plain_fields(deal) == _to_response_fields(body)
    assert deal["hotel"] == {**created_hotel, "avg_star_rating": body["star_rating"]}
    assert (deal["version"], deal["updated_at"]) == (1, deal["created_at"])
    await _assert_categories(service, body.get("categories", []), found=deal["categories"], existing=[])
    assert await service.get(f"/deals/{deal['id']}") == deal
    assert (await service.get("/deals"))["items"] == [deal]


@examples(40)
@given(hotel=HOTELS, body=DEALS)
async def test_list_deals_finds_a_deal_by_each_of_its_values(service: Service, hotel: Body, body: Body) -> None:
    await service.empty()
    created_hotel = await service.create("/hotels", hotel)
    deal = await service.create("/deals", {**body, "hotel_id": created_hotel["id"]})
    price = f"{body['price_per_night']:f}"
    filters: dict[str, Any] = {
        "city": hotel["city"],
        "country": hotel["country"],
        "min_stars": body["star_rating"],
        "price_min": price,
        "price_max": price,
        "hotel_id": created_hotel["id"],
        "room_type": body["room_type"],
        "min_discount": body["discount_percent"],
        "checkin_from": deal["checkin_date"],
        "checkin_to": deal["checkin_date"],
    }
    assert (await service.get("/deals", **filters))["items"] == [deal]
    for name in body.get("categories", []):
        assert (await service.get("/deals", category=name))["items"] == [deal]


@examples(70)
@given(body=DEALS, patch=DEAL_PATCHES, target=st.sampled_from([None, "here", "there"]))
async def test_patch_deal_merges_the_patch_into_the_deal(
    service: Service, body: Body, patch: Body, target: str | None
) -> None:
    await service.empty()
    hotels = {name: (await _create_hotel(service, name))["id"] for name in ("here", "there")}
    old = await service.create("/deals", {**body, "hotel_id": hotels["here"]})
    sent = {**patch, "hotel_id": hotels[target]} if target else patch
    merged = {**body, **patch}
    response = await service.send("PATCH", f"/deals/{old['id']}", sent)
    if merged["checkout_date"] <= merged["checkin_date"]:
        assert _get_rejected_field(response) == "checkout_date"
        assert await service.get(f"/deals/{old['id']}") == old
        return
    assert response.status_code == 200, response.text
    new = from_json(response.content)
    assert _get_plain_fields(new) == _to_response_fields(merged)
    assert (new["id"], new["hotel"]["id"]) == (old["id"], hotels[target or "here"])
    assert (new["version"], new["created_at"]) == (1 + bool(sent), old["created_at"])
    names = old["categories"]
    await _assert_categories(service, patch.get("categories", names), found=new["categories"], existing=names)
    assert await service.get(f"/deals/{old['id']}") == new


@examples(50)
@given(hotel=HOTELS, patch=HOTEL_PATCHES)
async def test_post_and_patch_hotel_then_get_hotel_returns_it_unchanged(
    service: Service, hotel: Body, patch: Body
) -> None:
    await service.empty()
    created = await service.create("/hotels", hotel)
    assert created == {"id": created["id"], **_normalize_hotel(hotel), "avg_star_rating": None}
    path = f"/hotels/{created['id']}"
    assert await service.get(path) == created
    response = await service.send("PATCH", path, patch)
    assert response.json() == created | _normalize_hotel(patch)
    assert await service.get(path) == response.json()


def _normalize_hotel(hotel: Body) -> Body:
    return {name: normalize(text) for name, text in hotel.items()}


@pytest.mark.parametrize("text", ["\U00016d67\U00016d67", "\U00011382\U000113c9", "\U000105d2\u0307"])
async def test_text_that_newer_unicode_composes_is_stored_or_rejected_and_named(service: Service, text: str) -> None:
    """Python and PostgreSQL may support different versions of Unicode; a difference must not cause a 500."""
    await service.empty()
    created_hotel = await _create_hotel(service, "here")
    valid = {**PLAIN_DEAL, "hotel_id": created_hotel["id"]}
    deal = await service.create("/deals", valid)
    for field, value in (("room_type", text), ("categories", [text])):
        for method, path, base in (("POST", "/deals", valid), ("PATCH", f"/deals/{deal['id']}", {})):
            response = await service.send(method, path, {**base, field: value})
            assert response.is_success or _get_rejected_field(response) == field
    for field in ("name", "city", "country", "phone"):
        new = {"name": "new", "city": "Rome", "country": "Italy", "phone": field, field: text}
        for method, path, body in (
            ("POST", "/hotels", new),
            ("PATCH", f"/hotels/{created_hotel['id']}", {field: text}),
        ):
            response = await service.send(method, path, body)
            assert response.is_success or response.status_code == 409 or _get_rejected_field(response) == field


async def _create_hotel(service: Service, name: str) -> Body:
    hotel: Body = await service.create("/hotels", {"name": name, "city": "Rome", "country": "Italy", "phone": name})
    return hotel


def _get_rejected_field(response: Response) -> str:
    assert response.status_code == 422, response.text
    (detail,) = response.json()["error"]["details"]
    return str(detail["field"])
