"""Guids: each form of application id, and that none of them ever changes."""

from __future__ import annotations

import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speckle2pg.pipeline.extract import identity

MODEL = identity.model_namespace("project", "model")
ANOTHER_MODEL = identity.model_namespace("project", "another")

TEKLA_UUID = "55111bae-0000-02f9-3134-323731383934"
REVIT_UNIQUE_ID = "60f91daf-3dd7-4283-a86d-24137b73f3da-0001fd0b"


@given(st.uuids())
def test_compressed_guids_expand_to_themselves(guid: uuid.UUID) -> None:
    assert identity.ifc_expand(identity.ifc_compress(guid)) == guid


@given(st.text(alphabet=identity.IFC_DIGITS, min_size=21, max_size=21), st.sampled_from("0123"))
def test_expanded_global_ids_compress_to_themselves(rest: str, first: str) -> None:
    guid = identity.ifc_expand(first + rest)
    assert guid is not None
    assert identity.ifc_compress(guid) == first + rest


def test_global_id_matches_the_published_example() -> None:
    """Graphisoft's documentation of ACAPI_IFC_APIGuidToIFCGuid gives this pair."""
    guid = uuid.UUID("C2E63FBC-194A-4895-A7A8-62C9B0D5CC7B")
    assert identity.ifc_compress(guid) == "32vZ_y6Kf8bQUeOicmrSnx"
    assert identity.application_guid("32vZ_y6Kf8bQUeOicmrSnx", MODEL) == guid


def test_global_ids_are_case_sensitive() -> None:
    lower = identity.application_guid("1L4Hkk000vKZ4qCZSoCZKq", MODEL)
    assert lower != identity.application_guid("1L4HKK000vKZ4qCZSoCZKq", MODEL)


@pytest.mark.parametrize("first", ["4", "A", "z", "_", "$"])
def test_global_id_beyond_128_bits_is_a_name_of_its_own_in_every_model(first: str) -> None:
    global_id = first + "L4Hkk000vKZ4qCZSoCZKq"
    assert identity.ifc_expand(global_id) is None
    expected = uuid.uuid5(identity.NAMESPACE, global_id)
    assert identity.application_guid(global_id, MODEL) == expected
    assert identity.application_guid(global_id, ANOTHER_MODEL) == expected


@pytest.mark.parametrize("text", ["", "1L4Hkk000vKZ4qCZSoCZK", "1L4Hkk000vKZ4qCZSoCZKqq", "1L4Hkk-00vKZ4qCZSoCZKq"])
def test_other_lengths_and_digits_are_no_global_ids(text: str) -> None:
    assert identity.ifc_expand(text) is None
    assert identity.application_guid(text, MODEL) == uuid.uuid5(MODEL, text)


def test_uuid_is_itself_in_either_case() -> None:
    assert identity.application_guid(TEKLA_UUID, MODEL) == uuid.UUID(TEKLA_UUID)
    assert identity.application_guid(TEKLA_UUID.upper(), MODEL) == uuid.UUID(TEKLA_UUID)


def test_tekla_uuid_is_that_of_its_ifc_export() -> None:
    assert identity.application_guid("1L4Hkk000vKZ4qCZSoCZKq", MODEL) == identity.application_guid(
        "55111bae-0000-3952-3134-323732323534", ANOTHER_MODEL
    )


@pytest.mark.parametrize(
    ("unique_id", "guid", "global_id"),
    [
        (REVIT_UNIQUE_ID, "60f91daf-3dd7-4283-a86d-24137b720ed1", "1W_HslFTT2WwXj91DxSWxH"),
        (
            "60f91daf-3dd7-4283-a86d-24137b73f3da-0001fd1f",
            "60f91daf-3dd7-4283-a86d-24137b720ec5",
            "1W_HslFTT2WwXj91DxSWx5",
        ),
    ],
)
def test_revit_unique_id_is_the_guid_of_its_ifc_export(unique_id: str, guid: str, global_id: str) -> None:
    """The pairs are those that Tammik published from a real export."""
    assert identity.application_guid(unique_id, MODEL) == uuid.UUID(guid)
    assert identity.ifc_expand(global_id) == uuid.UUID(guid)


@pytest.mark.parametrize("suffix", ["_t0a1b2c3d", "_t-5"])
def test_linked_revit_instance_is_a_name_as_a_whole(suffix: str) -> None:
    linked = REVIT_UNIQUE_ID + suffix
    assert identity.application_guid(linked, MODEL) == uuid.uuid5(identity.NAMESPACE, linked)
    assert identity.application_guid(linked, MODEL) == identity.application_guid(linked, ANOTHER_MODEL)


def test_revit_element_id_of_more_than_32_bits_is_a_name_as_a_whole() -> None:
    unique_id = REVIT_UNIQUE_ID + "ff"
    assert identity.application_guid(unique_id, MODEL) == uuid.uuid5(identity.NAMESPACE, unique_id)


@pytest.mark.parametrize("handle", ["2A7", "0/1/12", "мост", TEKLA_UUID.replace("-", "")])
def test_weak_ids_are_known_within_their_model_only(handle: str) -> None:
    guid = identity.application_guid(handle, MODEL)
    assert guid == uuid.uuid5(uuid.uuid5(identity.NAMESPACE, "project/model"), handle)
    assert guid != identity.application_guid(handle, ANOTHER_MODEL)


@pytest.mark.parametrize("application_id", [TEKLA_UUID, REVIT_UNIQUE_ID, "1L4Hkk000vKZ4qCZSoCZKq", "2A7"])
def test_separate_models_share_no_guid(application_id: str) -> None:
    guid = identity.application_guid(application_id, MODEL, separate=True)
    assert guid == uuid.uuid5(MODEL, application_id)
    assert guid != identity.application_guid(application_id, ANOTHER_MODEL, separate=True)


def test_first_ordinal_is_the_guid_itself() -> None:
    guid = uuid.UUID(TEKLA_UUID)
    assert identity.ordinal_guid(guid, 0) == guid
    assert identity.ordinal_guid(guid, 2) == uuid.uuid5(guid, "2")


def test_children_without_ids_never_meet_each_other_or_ordinals() -> None:
    parent = uuid.UUID(TEKLA_UUID)
    guids = {
        identity.child_guid(parent, "3", 0),
        identity.child_guid(parent, None, 3),
        identity.ordinal_guid(parent, 3),
    }
    assert len(guids) == 3
    assert identity.child_guid(parent, "3", 7) == uuid.uuid5(parent, "element/3")
    assert identity.child_guid(parent, None, 3) == uuid.uuid5(parent, "position/3")


APPLICATION_IDS = st.one_of(
    st.uuids().map(str),
    st.uuids().map(identity.ifc_compress),
    st.builds("{}-{:08x}".format, st.uuids(), st.integers(0, 2**32 - 1)),
    st.text(max_size=30),
)


@given(APPLICATION_IDS)
def test_guid_depends_on_the_id_alone_or_on_the_id_and_the_model(application_id: str) -> None:
    here = identity.application_guid(application_id, MODEL)
    assert here == identity.application_guid(application_id, MODEL)
    there = identity.application_guid(application_id, ANOTHER_MODEL)
    assert (here == there) != (here == uuid.uuid5(MODEL, application_id))
    apart = identity.application_guid(application_id, MODEL, separate=True)
    assert apart != identity.application_guid(application_id, ANOTHER_MODEL, separate=True)


@given(st.uuids(), st.integers(0, 2**32 - 1))
def test_revit_element_is_told_back_from_its_guid_and_episode(episode: uuid.UUID, element: int) -> None:
    guid = identity.revit_guid(f"{episode}-{element:08x}")
    assert guid is not None
    assert guid.int ^ episode.int == element


@given(st.lists(APPLICATION_IDS, unique=True, max_size=20))
def test_different_ids_have_different_guids_unless_they_name_one_uuid(ids: list[str]) -> None:
    guids: dict[uuid.UUID, str] = {}
    for application_id in ids:
        guid = identity.application_guid(application_id, MODEL)
        other = guids.setdefault(guid, application_id)
        if other != application_id:
            strong = [identity.application_guid(one, ANOTHER_MODEL) == guid for one in (other, application_id)]
            assert all(strong), "only two forms of one UUID meet"
    apart = {identity.application_guid(one, MODEL, separate=True) for one in ids}
    assert len(apart) == len(ids), "a separate model tells even those apart"


def test_formulas_are_fixed_for_ever() -> None:
    """These literals may never change: statuses in real databases hang on them."""
    assert str(identity.NAMESPACE) == "5b4d5d40-183a-53e4-9bcb-507ebbf2bd32"
    assert str(MODEL) == "8dd47365-15a1-54fc-ac65-2bc420815dc4"
    assert str(identity.root_guid(MODEL)) == "f4c330d6-27ca-50e6-8fec-59886ca5d35a"
    assert str(identity.application_guid("2A7", MODEL)) == "76878347-252d-5986-9ca5-2aa3b1fe3978"
