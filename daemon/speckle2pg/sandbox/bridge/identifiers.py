"""IFC GlobalIds and STEP ids of the sample, made from keys so that they never change by chance."""

from __future__ import annotations

import uuid
import zlib

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://speckle2pg/sample-bridge")
DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_$"
GLOBAL_ID_LENGTH = 22
STEP_IDS = 1_000_000


def global_id(key: str) -> str:
    """The GlobalId of the element with this key: a UUID in IFC's base 64, 22 characters.

    Source: https://technical.buildingsmart.org/resources/ifcimplementationguidance/ifc-guid/
    """
    number = uuid.uuid5(NAMESPACE, key).int
    digits = []
    for _ in range(GLOBAL_ID_LENGTH):
        number, digit = divmod(number, 64)
        digits.append(DIGITS[digit])
    return "".join(reversed(digits))


def step_id(key: str, export: int) -> int:
    """The entity's number in the STEP file of the given export: another one in each export."""
    return (zlib.crc32(f"{export}/{key}".encode()) % STEP_IDS) + 1
