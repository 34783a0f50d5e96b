"""GraphQL over HTTP answers as the real server does, its errors and its cursors included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.places import oid

if TYPE_CHECKING:
    from sandbox.places import Place

NOON = datetime(2026, 6, 1, 12, 0, 0, 123456, tzinfo=UTC)
PAGE = (
    "query($p:String!,$m:String!,$l:Int!,$c:String){project(id:$p){model(id:$m){versions(limit:$l,cursor:$c)"
    "{totalCount cursor items{id createdAt}}}}}"
)


async def pages(place: Place, model_id: str, limit: int) -> tuple[list[str], int]:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        data = await place.data(PAGE, m=model_id, l=limit, c=cursor)
        page = data["project"]["model"]["versions"]
        if not page["items"]:
            return seen, page["totalCount"]
        seen += [item["id"] for item in page["items"]]
        cursor = page["cursor"]


async def test_model_names_are_kept_in_lower_case_and_empty_main_is_hidden(place: Place) -> None:
    await place.server.publish(place.project.id, "Опоры / Левая", oid(1))
    data = await place.data("query($p:String!){project(id:$p){models{totalCount items{name displayName}}}}")
    models = data["project"]["models"]
    assert models == {"totalCount": 1, "items": [{"name": "опоры/левая", "displayName": "левая"}]}


async def test_times_have_milliseconds(place: Place) -> None:
    version = await place.server.publish(place.project.id, "m", oid(1), created_at=NOON)
    data = await place.data(PAGE, m=version.model_id, l=1)
    assert data["project"]["model"]["versions"]["cursor"] == "2026-06-01T12:00:00.123Z"


async def test_versions_of_one_millisecond_are_skipped_at_the_edge_of_a_page(place: Place) -> None:
    for number in range(3):
        await place.server.publish(place.project.id, "m", oid(number), created_at=NOON)
    last = await place.server.publish(place.project.id, "m", oid(9), created_at=NOON + timedelta(microseconds=600_000))
    seen, total = await pages(place, last.model_id, limit=2)
    assert total == 4
    assert len(seen) == 2, "two of the tied versions are on no page"
    assert len((await pages(place, last.model_id, limit=100))[0]) == 4


async def test_deleting_the_newest_version_makes_the_older_one_newest(place: Place) -> None:
    old = await place.server.publish(place.project.id, "m", oid(1), created_at=NOON)
    new = await place.server.publish(place.project.id, "m", oid(2), created_at=NOON + timedelta(seconds=1))
    assert (await pages(place, old.model_id, 100))[0] == [new.id, old.id]
    await place.server.delete_version(place.project.id, new.id)
    assert (await pages(place, old.model_id, 100))[0] == [old.id]


async def test_more_than_a_hundred_per_page_is_a_bad_request_with_status_200(place: Place) -> None:
    model = place.server.world.create_model(place.project.id, "m")
    answer = await place.graphql(PAGE, m=model.id, l=101)
    assert answer["errors"][0]["extensions"] == {"code": "BAD_REQUEST_ERROR", "statusCode": 400}
    models = await place.graphql("query($p:String!){project(id:$p){models(limit:101){totalCount}}}")
    assert models["errors"][0]["extensions"]["code"] == "BAD_REQUEST_ERROR"


async def test_a_users_projects_come_fifty_at_most_newest_first(place: Place) -> None:
    anna = next(iter(place.server.world.users.values()))
    made = [place.server.world.create_project(anna, f"P{number}") for number in range(60)]
    place.server.world.delete_version(made[7].id, (await place.server.publish(made[7].id, "m", oid(1))).id)
    made[7].updated_at += timedelta(hours=1)
    query = "query($c:String){activeUser{projects(limit:100,cursor:$c){totalCount cursor items{id}}}}"
    first = (await place.data(query))["activeUser"]["projects"]
    rest = (await place.data(query, c=first["cursor"]))["activeUser"]["projects"]
    assert first["totalCount"] == 61
    assert (len(first["items"]), len(rest["items"])) == (50, 11)
    assert first["items"][0]["id"] == made[7].id


async def test_neither_a_move_nor_a_new_name_moves_the_projects_time(place: Place) -> None:
    world = place.server.world
    ticks = iter(NOON + timedelta(seconds=number) for number in range(100))
    world.clock = lambda: next(ticks)
    version = await place.server.publish(place.project.id, "m", oid(1))
    before = place.project.updated_at
    model = world.model(place.project.id, version.model_id)
    times = (model.updated_at, before)
    await place.server.rename_model(place.project.id, model.id, "n")
    target = await place.server.move_version(place.project.id, version.id, "other")
    assert (model.updated_at, place.project.updated_at) == times
    assert world.versions_of(target.id) == [version]
    await place.server.delete_version(place.project.id, version.id)
    assert place.project.updated_at > before


async def test_errors_come_with_status_200_and_the_real_codes(place: Place) -> None:
    bob = place.server.world.add_user("Bob")
    private = place.server.world.create_project(bob, "Bob's")
    query = "query($p:String!){project(id:$p){id}}"
    unknown = await place.graphql(query, p="0000000000")
    forbidden = await place.graphql(query, p=private.id)
    assert unknown == {
        "errors": [
            {
                "message": "Project not found",
                "locations": [{"line": 1, "column": 19}],
                "path": ["project"],
                "extensions": {"code": "STREAM_NOT_FOUND", "statusCode": 404},
            }
        ],
        "data": None,
    }
    assert forbidden["errors"][0]["message"] == "You do not have access to the project"
    assert forbidden["errors"][0]["extensions"] == {"code": "FORBIDDEN", "statusCode": 403}


async def test_a_revoked_token_gets_403_on_every_path(place: Place) -> None:
    place.server.world.revoke_token(place.token)
    for path in ("/graphql", f"/api/getobjects/{place.project.id}", "/no/such/path"):
        async with place.http.post(place.server.url + path, json={}) as response:
            assert response.status == 403
            assert await response.json() == {"error": "Your token is not valid."}


async def test_a_token_without_a_scope_is_told_which(place: Place) -> None:
    token = place.server.world.add_token(place.server.world.users[next(iter(place.project.roles))], scopes=())
    place.http.headers["Authorization"] = f"Bearer {token}"
    answer = await place.graphql("{activeUser{id}}")
    assert answer["data"] == {"activeUser": None}
    assert answer["errors"][0]["extensions"] == {
        "code": "FORBIDDEN",
        "scope": "profile:read",
        "statusCode": 403,
    }


async def test_public_projects_are_read_without_a_token(place: Place) -> None:
    await place.server.update_project(place.project.id, visibility="PUBLIC")
    del place.http.headers["Authorization"]
    data = await place.data("query($p:String!){activeUser{id} project(id:$p){id role}}")
    assert data == {"activeUser": None, "project": {"id": place.project.id, "role": None}}


async def test_batches_are_answered_in_order(place: Place) -> None:
    body = [{"query": "{serverInfo{name}}"}, {"query": "{nope}"}, {"query": "{activeUser{name}}"}]
    async with place.http.post(f"{place.server.url}/graphql", json=body) as response:
        answers: list[dict[str, Any]] = await response.json()
        assert response.status == 400, "one request that cannot be validated spoils the status of all"
    assert answers[0]["data"]["serverInfo"]["name"]
    assert answers[1]["errors"][0]["extensions"]["code"] == "GRAPHQL_VALIDATION_FAILED"
    assert answers[2]["data"] == {"activeUser": {"name": "Anna"}}


async def test_the_schema_can_be_introspected(place: Place) -> None:
    data = await place.data("{__schema{subscriptionType{fields{name}}}}")
    names = {field["name"] for field in data["__schema"]["subscriptionType"]["fields"]}
    assert {"projectVersionsUpdated", "commitCreated"} <= names


async def test_a_canonical_url_may_differ_from_the_address(place: Place) -> None:
    place.server.site.canonical_url = "https://speckle.example.org"
    data = await place.data("{serverInfo{canonicalUrl version}}")
    assert data["serverInfo"]["canonicalUrl"] == "https://speckle.example.org"


async def test_versions_need_their_root_but_not_their_children(place: Place) -> None:
    mutation = "mutation($i:CreateVersionInput!){versionMutations{create(input:$i){id referencedObject}}}"
    model = place.server.world.create_model(place.project.id, "m")
    given = {"projectId": place.project.id, "modelId": model.id, "objectId": oid(1)}
    missing = await place.graphql(mutation, i=given)
    assert missing["errors"][0]["extensions"]["code"] == "COMMIT_CREATE_ERROR"
    place.server.world.add_objects(place.project.id, {oid(1): {"id": oid(1), "elements": [{"referencedId": oid(2)}]}})
    made = await place.data(mutation, i=given)
    assert made["versionMutations"]["create"]["referencedObject"] == oid(1)


async def test_a_backup_brings_back_what_was_and_tells_nobody(place: Place) -> None:
    version = await place.server.publish(place.project.id, "m", oid(1))
    backup = place.server.world.backup()
    await place.server.delete_project(place.project.id)
    place.server.world.restore(backup)
    assert (await pages(place, version.model_id, 10))[0] == [version.id]


async def test_it_starts_again_at_the_same_address_with_the_same_content(place: Place) -> None:
    url = place.server.url
    await place.server.stop()
    await place.server.start()
    assert place.server.url == url
    data = await place.data("query($p:String!){project(id:$p){name}}")
    assert data["project"]["name"] == "Bridge"
