"""An event is a key and nothing else, whatever it holds."""

from __future__ import annotations

import pytest

from speckle2pg.errors import FatalError
from speckle2pg.speckle.connection import _documents, hint
from speckle2pg.speckle.transport import websocket_url


@pytest.mark.parametrize(
    ("field", "payload", "model"),
    [
        ("projectVersionsUpdated", {"type": "CREATED", "modelId": "m", "id": "v"}, "m"),
        ("projectVersionsUpdated", {"type": "CREATED", "modelId": None}, None),
        ("projectVersionsUpdated", {"type": "CREATED", "modelId": 7}, None),
        ("projectVersionsUpdated", {"type": "UPDATED", "modelId": "m"}, None),
        ("projectVersionsUpdated", {"type": "DELETED", "modelId": "m"}, None),
        ("projectVersionsUpdated", None, None),
        ("projectVersionsUpdated", ["odd"], None),
        ("projectModelsUpdated", {"type": "DELETED", "id": "m"}, None),
        ("commitCreated", {"branchId": "m", "id": "v"}, "m"),
        ("commitCreated", {}, None),
        ("commitUpdated", {"branchId": "m"}, None),
        ("commitDeleted", {"branchId": "m"}, None),
    ],
)
def test_only_a_created_version_points_to_one_model(field: str, payload: object, model: str | None) -> None:
    assert hint(field, payload)[0] == model


def names(*fields: str) -> list[str]:
    return [name for name, _ in _documents(frozenset(fields))]


def test_the_cheap_subscriptions_are_preferred() -> None:
    modern = ["projectVersionsUpdated", "projectModelsUpdated"]
    assert names() == modern
    assert names("commitCreated", *modern) == modern
    assert names("commitCreated", modern[0]) == modern[:1]
    assert names("commitCreated", "commitDeleted", "other") == ["commitCreated", "commitDeleted"]


def test_a_server_with_nothing_to_subscribe_to_is_said_so() -> None:
    with pytest.raises(FatalError, match="polled"):
        names("somethingElse")


def test_the_websocket_is_where_graphql_is() -> None:
    assert websocket_url("https://speckle.example/") == "wss://speckle.example/graphql"
    assert websocket_url("http://127.0.0.1:3000") == "ws://127.0.0.1:3000/graphql"
