"""What was sent is what is read, to the cent and to the character."""

from typing import Any, Final

import pytest
from httpx import Response
from hypothesis import given
from hypothesis import strategies as st

from tests.support.deal_bodies import DEAL_PATCHES, DEALS, DEFAULTS, HOTEL_PATCHES, HOTELS, PLAIN_DEAL, Body, normalize
from tests.support.decimal_json import from_json
from tests.support.hypothesis_settings import examples
from tests.support.service import Service

_MADE_BY_THE_SERVICE: Final = {"id", "categories", "hotel", "version", "created_at", "updated_at"}


def _as_shown(body: Body) -> Body:
    """The plain fields of a deal as JSON says them."""
    shown = {**DEFAULTS, **body, "room_type": normalize(body["room_type"])}
    for field in ("checkin_date", "checkout_date"):
        shown[field] = shown[field].isoformat()
    del shown["categories"]
    return shown


def _plain(deal: Body) -> Body:
    return {name: value for name, value in deal.items() if name not in _MADE_BY_THE_SERVICE}


async def _assert_filed_under(service: Service, sent: list[str], *, found: list[str], known: list[str]) -> None:
    """Each name once, whatever its case; a name that the catalogue knew is the one that counts."""
    folded = set(await service.folded(normalize(name) for name in sent))
    assert sorted(await service.folded(found)) == sorted(folded)
    assert set(found) <= {normalize(name) for name in sent} | set(known)
    folded_known = zip(known, await service.folded(known), strict=True)
    assert {name for name, fold in folded_known if fold in folded} <= set(found)


@examples(50)
@given(hotel=HOTELS, body=DEALS)
async def test_a_deal_is_read_as_it_was_sent(service: Service, hotel: Body, body: Body) -> None:
    await service.empty()
    home = await service.create("/hotels", hotel)
    deal = await service.create("/deals", {**body, "hotel_id": home["id"]})
    assert _plain(deal) == _as_shown(body)
    assert deal["hotel"] == {**home, "avg_star_rating": body["star_rating"]}
    assert (deal["version"], deal["updated_at"]) == (1, deal["created_at"])
    await _assert_filed_under(service, body.get("categories", []), found=deal["categories"], known=[])
    assert await service.get(f"/deals/{deal['id']}") == deal
    assert (await service.get("/deals"))["items"] == [deal]


@examples(40)
@given(hotel=HOTELS, body=DEALS)
async def test_a_deal_is_found_by_each_of_its_own_values(service: Service, hotel: Body, body: Body) -> None:
    await service.empty()
    home = await service.create("/hotels", hotel)
    deal = await service.create("/deals", {**body, "hotel_id": home["id"]})
    price = f"{body['price_per_night']:f}"
    filters: dict[str, Any] = {
        "city": hotel["city"],
        "country": hotel["country"],
        "min_stars": body["star_rating"],
        "price_min": price,
        "price_max": price,
        "hotel_id": home["id"],
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
async def test_a_patched_deal_is_the_old_one_overlaid_with_the_patch(
    service: Service, body: Body, patch: Body, target: str | None
) -> None:
    await service.empty()
    hotels = {name: (await _hotel(service, name))["id"] for name in ("here", "there")}
    old = await service.create("/deals", {**body, "hotel_id": hotels["here"]})
    sent = {**patch, "hotel_id": hotels[target]} if target else patch
    overlaid = {**body, **patch}
    answer = await service.send("PATCH", f"/deals/{old['id']}", sent)
    if overlaid["checkout_date"] <= overlaid["checkin_date"]:
        assert _refused_field(answer) == "checkout_date"
        assert await service.get(f"/deals/{old['id']}") == old
        return
    assert answer.status_code == 200, answer.text
    new = from_json(answer.content)
    assert _plain(new) == _as_shown(overlaid)
    assert (new["id"], new["hotel"]["id"]) == (old["id"], hotels[target or "here"])
    assert (new["version"], new["created_at"]) == (1 + bool(sent), old["created_at"])
    names = old["categories"]
    await _assert_filed_under(service, patch.get("categories", names), found=new["categories"], known=names)
    assert await service.get(f"/deals/{old['id']}") == new


@examples(50)
@given(hotel=HOTELS, patch=HOTEL_PATCHES)
async def test_a_hotel_is_read_as_it_was_sent_and_patched(service: Service, hotel: Body, patch: Body) -> None:
    await service.empty()
    created = await service.create("/hotels", hotel)
    assert created == {"id": created["id"], **_cleaned(hotel), "avg_star_rating": None}
    path = f"/hotels/{created['id']}"
    assert await service.get(path) == created
    answer = await service.send("PATCH", path, patch)
    assert answer.json() == created | _cleaned(patch)
    assert await service.get(path) == answer.json()


def _cleaned(hotel: Body) -> Body:
    return {name: normalize(text) for name, text in hotel.items()}


@pytest.mark.parametrize("text", ["\U00016d67\U00016d67", "\U00011382\U000113c9", "\U000105d2\u0307"])
async def test_text_that_only_a_newer_unicode_composes_is_kept_or_refused_with_its_field(
    service: Service, text: str
) -> None:
    """Python and PostgreSQL each bring a version of Unicode; where they differ, nobody sees a 500."""
    await service.empty()
    home = await _hotel(service, "here")
    sound = {**PLAIN_DEAL, "hotel_id": home["id"]}
    deal = await service.create("/deals", sound)
    for field, value in (("room_type", text), ("categories", [text])):
        for method, path, rest in (("POST", "/deals", sound), ("PATCH", f"/deals/{deal['id']}", {})):
            answer = await service.send(method, path, {**rest, field: value})
            assert answer.is_success or _refused_field(answer) == field
    for field in ("name", "city", "country", "phone"):
        new = {"name": "new", "city": "Rome", "country": "Italy", "phone": field, field: text}
        for method, path, body in (("POST", "/hotels", new), ("PATCH", f"/hotels/{home['id']}", {field: text})):
            answer = await service.send(method, path, body)
            assert answer.is_success or answer.status_code == 409 or _refused_field(answer) == field


async def _hotel(service: Service, name: str) -> Body:
    hotel: Body = await service.create("/hotels", {"name": name, "city": "Rome", "country": "Italy", "phone": name})
    return hotel


def _refused_field(answer: Response) -> str:
    assert answer.status_code == 422, answer.text
    (problem,) = answer.json()["error"]["details"]
    return str(problem["field"])
