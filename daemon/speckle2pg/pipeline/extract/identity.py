"""Who an element is, across versions and models: its guid.

The formulas are fixed for ever: people's statuses hang on the guids they yield. A name in a namespace is
UUID version 5: RFC 9562, section 5.5, https://www.rfc-editor.org/rfc/rfc9562#section-5.5
"""

from __future__ import annotations

import re
import uuid

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://speckle2pg/guid/1")

IFC_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$"

_IFC_VALUES = {digit: value for value, digit in enumerate(IFC_DIGITS)}
_IFC_LENGTH = 22
_UUID_BITS = 128

_UUID_TEXT = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID = re.compile(_UUID_TEXT, re.IGNORECASE | re.ASCII)
_IFC = re.compile(r"[0-9A-Za-z_$]{22}", re.ASCII)
_REVIT = re.compile(rf"({_UUID_TEXT})-([0-9a-f]{{8}})", re.IGNORECASE | re.ASCII)
# Of Revit's form, but with no UUID of its own: linked instances, element ids of more than 32 bits.
_REVIT_LIKE = re.compile(rf"{_UUID_TEXT}(?:-[0-9a-f]{{8,16}})?(?:_t.+)?", re.IGNORECASE | re.ASCII | re.DOTALL)


def ifc_expand(global_id: str) -> uuid.UUID | None:
    """Return the UUID that a GlobalId compresses, None where it compresses none.

    A GlobalId is 22 digits to the base 64 in IFC's own alphabet, case-sensitive, the first one 0 to 3,
    since 22 digits hold 132 bits and a UUID has 128. What Autodesk's exporter compresses reads the same.

    Source: buildingSMART, IFC GUID, https://technical.buildingsmart.org/resources/ifcimplementationguidance/ifc-guid/
    """
    if not _IFC.fullmatch(global_id):
        return None
    number = 0
    for digit in global_id:
        number = number << 6 | _IFC_VALUES[digit]
    return uuid.UUID(int=number) if number.bit_length() <= _UUID_BITS else None


def ifc_compress(guid: uuid.UUID) -> str:
    """Return the 22 characters of a UUID's GlobalId: the inverse of `ifc_expand`."""
    number = guid.int
    return "".join(IFC_DIGITS[number >> 6 * place & 63] for place in reversed(range(_IFC_LENGTH)))


def revit_guid(unique_id: str) -> uuid.UUID | None:
    """Return the UUID that Revit's own IFC export gives to a UniqueId, None where it is no UniqueId.

    A UniqueId is the GUID of an editing episode and the element's id in 8 hex digits; the export joins
    them by XOR of the GUID's last 32 bits with that id. The export makes exceptions that a UniqueId does not
    tell of: an element with an IfcGUID parameter of its own, and levels, where it is set to old GUIDs.

    Source: J. Tammik, UniqueId, DWF and IFC GUID, https://jeremytammik.github.io/tbc/a/0104_uniqueid_dwf_ifc_guid.htm
    (the formula, with pairs from a real export); https://github.com/Autodesk/revit-ifc,
    Source/Revit.IFC.Export/Utility/GUIDUtil.cs (what the exporter compresses, and the exceptions).
    """
    match = _REVIT.fullmatch(unique_id)
    if match is None:
        return None
    episode, element = match.groups()
    return uuid.UUID(int=uuid.UUID(episode).int ^ int(element, 16))


def model_namespace(project_id: str, model_id: str) -> uuid.UUID:
    """Return the namespace of what is known by name within one model only."""
    return uuid.uuid5(NAMESPACE, f"{project_id}/{model_id}")


def application_guid(application_id: str, namespace: uuid.UUID, *, separate: bool = False) -> uuid.UUID:
    """Return the guid of an application id; ``namespace`` is the model's.

    A UUID (the text form of RFC 9562, section 4, in either case) is itself, a GlobalId its UUID, a Revit
    UniqueId that of Revit's IFC export; of these forms what does not parse is a name in our namespace.
    Anything weaker, and everything in a ``separate`` model, is a name in the model's.
    """
    if separate:
        return uuid.uuid5(namespace, application_id)
    if _UUID.fullmatch(application_id):
        return uuid.UUID(application_id)
    strong = ifc_expand(application_id) or revit_guid(application_id)
    if strong is not None:
        return strong
    if _IFC.fullmatch(application_id) or _REVIT_LIKE.fullmatch(application_id):
        return uuid.uuid5(NAMESPACE, application_id)
    return uuid.uuid5(namespace, application_id)


def child_guid(parent: uuid.UUID, element_id: str | None, position: int) -> uuid.UUID:
    """Return the guid of an object without application id, from what holds it.

    The names are ``element/<elementId>`` and, without an element id, ``position/<index>``, the index
    counting from 0 among all of the parent's children: prefixed, so that the two and the ordinals
    never meet.
    """
    return uuid.uuid5(parent, f"position/{position}" if element_id is None else f"element/{element_id}")


def root_guid(namespace: uuid.UUID) -> uuid.UUID:
    """Return the guid of a root without application id."""
    return uuid.uuid5(namespace, "")


def ordinal_guid(guid: uuid.UUID, ordinal: int) -> uuid.UUID:
    """Return the guid of the ``ordinal``-th element of one identity: the first (0) has the guid itself."""
    return uuid.uuid5(guid, str(ordinal)) if ordinal else guid
