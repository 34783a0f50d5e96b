"""Websockets are kept open whatever happens, and between subscribing and listing nothing is lost."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

import pytest

from integration.sources.conftest import Site, turns_until
from speckle2pg import metrics
from speckle2pg.errors import TokenRefusedError
from speckle2pg.sandbox import Fault
from speckle2pg.sources import subscription
from speckle2pg.speckle import connection
from support.listening import listening

if TYPE_CHECKING:
    from speckle2pg.events import Event

ROOT = "a" * 32


async def test_every_change_leads_to_a_look_at_the_right_place(site: Site) -> None:
    project = site.project()
    model = site.model(project)
    old = await site.server.publish(project, model, ROOT)
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        heard.events.clear()
        await site.server.publish(project, model, ROOT)
        await heard.hears(project, model)
        for change in (
            site.server.update_version(project, old.id, "other words"),
            site.server.move_version(project, old.id, "other model"),
            site.server.delete_version(project, old.id),
            site.server.rename_model(project, model, "new name"),
            site.server.create_model(project, "another"),
            site.server.delete_model(project, model),
        ):
            heard.events.clear()
            await change
            await heard.until(lambda events: len(events) > 0)
            assert set(heard.events) == {(project, None, "subscription")}


async def test_an_older_server_is_heard_by_its_own_subscriptions(older: Site) -> None:
    project = older.project()
    model = older.model(project)
    old = await older.server.publish(project, model, ROOT)
    async with listening(older.server, older.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        heard.events.clear()
        await older.server.publish(project, model, ROOT)
        await heard.hears(project, model)
        for change in (
            older.server.update_version(project, old.id, "other words"),
            older.server.delete_version(project, old.id),
            older.server.rename_model(project, model, "new name"),
            older.server.delete_model(project, model),
        ):
            heard.events.clear()
            await change
            await heard.hears(project, None)


async def test_a_server_that_hides_its_schema_is_taken_for_a_modern_one(site: Site) -> None:
    refusal = '{"errors":[{"message":"introspection is off","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}'
    hidden = site.server.faults.add(Fault(path="/graphql", operation="__type", status=400, body=refusal))
    project = site.project()
    model = site.model(project)
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        await site.server.publish(project, model, ROOT)
        await heard.hears(project, model)
    assert hidden.applied == 1


async def test_what_is_published_while_connecting_is_heard_or_listed(site: Site) -> None:
    """At each moment between the first request and the look at the project one version is published."""
    project = site.project()
    model = site.model(project)
    stop, published = asyncio.Event(), 0

    async def publish() -> None:
        nonlocal published
        while not stop.is_set():
            await site.server.publish(project, model, ROOT)
            published += 1

    async with listening(site.server, site.token) as heard:
        publishing = asyncio.create_task(publish())
        heard.follow(project)
        await heard.hears(project, None, "start")
        stop.set()
        await publishing
        listed = heard.events.index((project, None, "start"))
        before = published
        await site.server.publish(project, model, ROOT)
        await heard.until(lambda events: (project, model, "subscription") in events[listed:])
    assert before > 0


async def test_the_look_comes_only_when_the_subscriptions_are_in_place(site: Site) -> None:
    """The order is subscribe, fence, list: at the moment of the look every event would be heard."""
    projects = [site.project() for _ in range(50)]
    async with listening(site.server, site.token) as heard:
        seen: list[int] = []
        take = heard.post

        def post(event: Event) -> None:
            seen.append(site.server.site.hub.subscriptions)
            take(event)

        heard.source._connection = (*heard.source._connection[:3], post, None)
        heard.follow(*projects)
        await heard.until(lambda events: len(events) == 50)
    assert seen == [100] * 50


async def test_projects_added_while_the_fence_is_awaited_are_subscribed_too(site: Site) -> None:
    first, second = site.project(), site.project()
    model = site.model(second)
    async with listening(site.server, site.token) as heard:
        heard.follow(first)
        # The first project's subscriptions are there, and the answer to the fence is still on its way.
        await site.server.counts.until(lambda counts: counts.subscriptions == 2)
        assert heard.events == []
        heard.follow(first, second)
        await heard.hears(second, None, "start")
        await site.server.publish(second, model, ROOT)
        await heard.hears(second, model)
        assert site.server.counts.connects == 1


async def test_projects_come_and_go_on_an_open_socket(site: Site) -> None:
    stays, goes, comes = (site.project() for _ in range(3))
    models = {project: site.model(project) for project in (stays, goes, comes)}
    async with listening(site.server, site.token) as heard:
        heard.follow(stays, goes)
        await heard.until(lambda events: len(events) == 2)
        heard.follow(stays, comes)
        await heard.hears(comes, None, "start")
        await turns_until(lambda: site.server.site.hub.subscriptions == 4)
        heard.events.clear()
        for project, model in models.items():
            await site.server.publish(project, model, ROOT)
        await heard.hears(comes, models[comes])
        assert {event[0] for event in heard.events} == {stays, comes}
        assert site.server.counts.connects == 1


async def test_a_project_that_comes_back_is_subscribed_anew(site: Site) -> None:
    stays, project = site.project(), site.project()
    model = site.model(project)
    async with listening(site.server, site.token) as heard:
        for _ in range(3):
            heard.events.clear()
            heard.follow(stays, project)
            await heard.hears(project, None, "start")
            await site.server.publish(project, model, ROOT)
            await heard.hears(project, model)
            heard.follow(stays)
            await turns_until(lambda: site.server.site.hub.subscriptions == 2)


async def test_projects_are_spread_over_sockets_and_a_socket_without_projects_goes(site: Site) -> None:
    projects = sorted(site.project() for _ in range(5))
    async with listening(site.server, site.token, per_socket=2) as heard:
        heard.follow(*projects)
        await heard.until(lambda events: len(events) == 5)
        assert len(site.server.sockets) == 3
        assert metrics.SUBSCRIPTION_CONNECTED._value.get() == 3
        heard.follow(*projects[:2])
        await site.server.counts.until(lambda counts: counts.disconnects == 2)
        await turns_until(lambda: metrics.SUBSCRIPTION_CONNECTED._value.get() == 1)
        heard.events.clear()
        heard.follow(*projects[:3])
        await heard.hears(projects[2], None, "start")
        assert heard.events == [(projects[2], None, "start")], "the others stay where they are"
    assert metrics.SUBSCRIPTION_CONNECTED._value.get() == 0


async def test_an_unreadable_project_is_silent_beside_others_and_heard_once_it_is_readable(site: Site) -> None:
    bob = site.server.world.add_user("Bob")
    foreign = str(site.server.world.create_project(bob, "Bob's").id)
    mine = site.project()
    models = {project: site.model(project) for project in (foreign, mine)}
    async with listening(site.server, site.token) as heard:
        heard.follow(foreign, mine, "0000000000")
        await heard.until(lambda events: len(events) == 3)
        await site.server.publish(foreign, models[foreign], ROOT)
        await site.server.publish(mine, models[mine], ROOT)
        await heard.hears(mine, models[mine])
        assert (foreign, models[foreign], "subscription") not in heard.events
        site.server.world.set_role(foreign, site.user.id, "stream:reviewer")
        await site.server.publish(foreign, models[foreign], ROOT)
        await heard.hears(foreign, models[foreign])
        assert site.server.counts.connects == 1


async def test_a_token_of_nobody_is_told_by_the_fence_and_retried_slowly(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscription, "REFUSED_PAUSE", 0.4)
    project = site.project()
    site.server.world.set_role(project, site.user.id, "stream:owner")
    async with listening(site.server, "nonsense") as heard:
        heard.follow(project)
        # Over HTTP the token is refused before any socket is opened.
        async with asyncio.timeout(5):
            await site.server.counts.until(lambda counts: counts.statuses[403] >= 2)
        assert (heard.events, site.server.counts.connects) == ([], 0)
        heard.token = site.token
        await heard.until(lambda events: len(events) == 1)


async def test_a_socket_that_takes_us_for_nobody_is_a_refused_token(site: Site) -> None:
    async def connect() -> None:
        async with connection.open_socket(site.server.url, lambda: "nonsense", frozenset()) as socket:
            socket.subscribe("p", lambda _model, _kind: None)
            await socket.fence()

    with pytest.raises(TokenRefusedError):
        await connect()


async def test_a_token_that_may_not_ask_who_it_is_still_listens(site: Site) -> None:
    token = site.server.world.add_token(site.user, scopes=["streams:read"])
    project = site.project()
    model = site.model(project)
    async with listening(site.server, token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        await site.server.publish(project, model, ROOT)
        await heard.hears(project, model)


async def test_events_with_errors_are_hints_and_do_not_break_the_socket(site: Site) -> None:
    """A token without streams:read is told of its want at each event."""
    token = site.server.world.add_token(site.user, scopes=["profile:read"])
    project = str(site.server.world.create_project(site.user, "Open", visibility="public").id)
    model = site.model(project)
    async with listening(site.server, token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        for number in range(1, 4):
            await site.server.publish(project, model, ROOT)
            await heard.until(lambda events, n=number: events.count((project, None, "subscription")) >= n)  # type: ignore[misc]
        assert site.server.counts.connects == 1


async def test_many_events_at_once_all_arrive_in_any_order(site: Site) -> None:
    project = site.project()
    models = [site.model(project, f"m{number}") for number in range(40)]
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        with site.server.site.hub.out_of_order():
            for model in models:
                await site.server.publish(project, model, ROOT)
        await heard.until(lambda events: {event[1] for event in events} >= set(models))


async def test_no_token_is_ever_written_to_the_log(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    project = site.project()
    async with listening(site.server, site.token) as heard:
        heard.follow(project)
        await heard.hears(project, None, "start")
        site.server.sockets.abort_all()
        await heard.hears(project, None, "reconcile")
    assert site.token not in caplog.text
