"""The example page's requests, made by its own code in Node.js and answered out of a real database by real roles."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from integration.people.bridge_in_use import DONE, BridgeInUse, build
from support.documents import ROOT
from support.logins import run
from support.postgrest import SECRET, serving, token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.databases import Cluster

PAGE = ROOT / "docs" / "example"
NODE = shutil.which("node")

needs_node = pytest.mark.skipif(NODE is None, reason="Node.js is not here to run the page's code")

# What app.js needs of Node: modules and fetch.
_PROGRAM = """
const page = await import(process.argv[1]);
const twin = new page.Twin(process.argv[2], process.argv[3]);
const given = JSON.parse(process.argv[4]);
const steps = { %s };
const told = (error) => ({ refused: error.status, message: error.message, details: error.details });
const answer = await steps.answer().catch(told);
process.stdout.write(JSON.stringify(answer ?? null));
"""


@pytest.fixture(scope="module")
def site(cluster: Cluster) -> Iterator[BridgeInUse]:
    """A bridge in its third week; a test that sets a status sets one that no other looks at."""
    with cluster.database() as (owner_url, database_url):
        yield asyncio.run(build(owner_url, database_url))


async def page(site: BridgeInUse, script: str, name: str = "anna", **given: Any) -> Any:
    """Runs code of the page as a person: an expression with `page`, `twin` and `given`; gives its value."""
    known = {"project": site.project_id, "model": site.structure, **given}
    signed = token(name, email=f"{name}@example.org") if name else ""
    async with serving(site.owner_url, PAGE) as url:
        program = _PROGRAM % f"answer: async () => ({script})"
        arguments = ((PAGE / "app.js").as_uri(), f"{url}/api", signed, json.dumps(known))
        process = await asyncio.create_subprocess_exec(
            str(NODE), "--input-type=module", "-e", program, *arguments, stdout=-1, stderr=-1
        )
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return json.loads(out)


@needs_node
async def test_page_lists_each_part_of_a_model_once_page_by_page(site: BridgeInUse) -> None:
    script = """await (async () => {
        const pages = [];
        let after;
        do {
            const rows = await twin.parts(given.project, given.model, { after });
            pages.push(rows.map((row) => row.guid));
            after = rows.at(-1)?.guid;
        } while (after);
        return pages;
    })()"""
    pages = await page(site, script)
    assert [len(rows) for rows in pages] == [100, 100, 100, 100, 2, 0]
    listed = [guid for rows in pages for guid in rows]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {str(guid) for guid in site.of(site.structure)}


@needs_node
async def test_page_shows_only_parts_with_a_status_when_asked(site: BridgeInUse) -> None:
    rows = await page(site, "await twin.parts(given.project, given.model, { status: 'accepted' })")
    wanted = {str(piece.guid) for piece in site.of(site.structure).values() if site.status_of(piece) == "accepted"}
    assert {row["guid"] for row in rows} == wanted
    assert all(row["viewer_url"].startswith("https://speckle.example.com/projects/") for row in rows)


@needs_node
async def test_page_counts_each_part_of_the_project_once(site: BridgeInUse) -> None:
    counts = {row["status"]: row["parts"] for row in await page(site, "await twin.counts(given.project)", "vera")}
    assert sum(counts.values()) == len(site.parts)
    assert sum(counts[status] for status in DONE) == sum(site.status_of(part) in DONE for part in site.parts.values())


@needs_node
async def test_page_offers_the_projects_and_models_that_one_may_see(site: BridgeInUse) -> None:
    seen = "[await twin.projects(), await twin.models(given.project), await twin.maySet(given.project)]"
    projects, models, may_set = await page(site, seen)
    assert [row["id"] for row in projects] == [site.project_id]
    assert [row["name"] for row in models] == ["main", "shop", "structure"]
    assert may_set is True
    assert (await page(site, seen, "vera"))[2] is False
    assert await page(site, seen, "dora") == [[], [], False]
    assert await page(site, seen, "") == [[], [], False]


@needs_node
async def test_page_sets_statuses_in_the_name_of_the_token(site: BridgeInUse) -> None:
    guids = sorted(str(piece.guid) for piece in site.parts.values() if piece.mark in {"П-4.7", "П-4.8"})
    script = "await twin.setStatus(given.project, given.guids, 'delivered', '2026-03-12', 'by ship')"
    answer = await page(site, script, "boris", guids=guids)
    assert [(row["guid"], row["changed"]) for row in answer] == [(guid, True) for guid in guids]
    query = "SELECT guid::text, status, effective_on::text, note, updated_by FROM element_status WHERE note = 'by ship'"
    assert sorted(run(site.owner_url, query)) == [
        (guid, "delivered", "2026-03-12", "by ship", "boris@example.org") for guid in guids
    ]
    again = await page(site, script, "boris", guids=guids)
    assert [row["changed"] for row in again] == [False, False]


@needs_node
async def test_page_tells_what_to_do_when_it_is_refused(site: BridgeInUse) -> None:
    guids = [str(next(iter(site.parts)))]
    set_one = "await twin.setStatus(given.project, given.guids, given.status)"
    found = await page(site, set_one, "vera", guids=guids, status="mounted")
    assert (found["refused"], "vera@example.org" in found["message"]) == (403, True)
    assert "project_members" in found["details"]
    found = await page(site, set_one, "anna", guids=guids, status="painted")
    assert found["refused"] == 400
    assert "mounted" in found["details"]
    assert (await page(site, "await new page.Twin(twin.address, 'no.to.ken').projects()"))["refused"] == 401


@needs_node
async def test_page_colours_the_objects_of_the_version_that_is_shown(site: BridgeInUse) -> None:
    script = "page.colourGroups(await twin.viewerFilter(given.project, given.model))"
    groups = {group["color"]: group["objectIds"] for group in await page(site, script)}
    query = "SELECT object_id FROM elements WHERE model_id = %s AND kind = 'part' AND effective_status = %s"
    for color, status in (("#1e9e5a", "accepted"), ("#2f80ed", "mounted")):
        assert sorted(groups[color]) == sorted(key for (key,) in run(site.owner_url, query, site.structure, status))
    assert sum(map(len, groups.values())) == len(site.of(site.structure))


@needs_node
async def test_page_finds_the_scene_of_the_viewer_in_speckle(site: BridgeInUse) -> None:
    version = site.versions[site.structure][-1]
    ((root,),) = run(site.owner_url, "SELECT root_object_id FROM versions WHERE id = %s", version)
    found = await page(site, "await twin.scene(given.project, given.version)", version=version)
    assert found == f"https://speckle.example.com/streams/{site.project_id}/objects/{root}"


@needs_node
async def test_page_links_to_web_pages_only_and_dates_by_the_place_of_the_person(site: BridgeInUse) -> None:
    links = ["https://speckle.example.com/x", "javascript:alert(1)", None]
    found = await page(site, "given.links.map(page.safeLink)", links=links)
    assert found == [links[0], None, None]
    local = "new Date(2026, 2, 1, 0, 30)"
    assert await page(site, f"page.today({local})") == "2026-03-01"


def test_no_file_of_the_page_names_another_host() -> None:
    for file in PAGE.iterdir():
        if file.name == "speckle-viewer.js":
            continue
        hosts = re.findall(r"(?:https?:)?//([\w.-]+\.\w+|\d[\d.]+)", file.read_text(encoding="utf-8"))
        assert set(hosts) <= {"127.0.0.1"}, file.name


def test_page_asks_for_nothing_that_is_not_there() -> None:
    html = (PAGE / "index.html").read_text(encoding="utf-8")
    ids = set(re.findall(r'\bid="([\w-]+)"', html))
    script = (PAGE / "app.js").read_text(encoding="utf-8")
    assert set(re.findall(r'\bby\("([\w-]+)"\)', script)) <= ids
    assert {"style.css", "app.js"} <= set(re.findall(r'(?:href|src)="([\w.-]+)"', html))


def test_secrets_of_the_tests_are_long_enough_for_postgrest() -> None:
    assert len(SECRET) >= 32
