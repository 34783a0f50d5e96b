"""A bridge that people build by: four versions of its structure, the shop's own model of some parts, statuses of weeks.

What the tests expect is computed from the graphs and from what was asked for here, never from the tables.
"""

# ruff: noqa: RUF001 - marks and names are Russian, as on the drawings

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from integration.people.drawings import expanded, pieces
from integration.pipeline.bench import Bench, collection, element, graph, open_bench
from speckle2pg.sandbox import SandboxServer
from speckle2pg.sandbox.bridge import sample_bridge
from speckle2pg.sandbox.bridge.identifiers import global_id
from speckle2pg.sandbox.bridge.properties import part_properties
from speckle2pg.sandbox.bridge.structure import Part
from speckle2pg.store.database import Database
from support.front import Front, member, user
from support.logins import run

if TYPE_CHECKING:
    import uuid

    from integration.people.drawings import Piece
    from integration.pipeline.bench import Thing

MAPPED = "INSERT INTO attribute_map VALUES (%s, 'station', '{Property Sets.Мост.Пикет}', 'station')"
STATUSES = """
INSERT INTO status_values (project_id, code, title, sort, weight, is_done, color) VALUES
    (NULL, 'not_started', 'Not started', 0, 0, false, '#9aa4b2'),
    (NULL, 'delivered', 'Delivered', 1, 1, false, '#d9a400'),
    (NULL, 'mounted', 'Mounted', 2, 4, true, '#2f80ed'), (NULL, 'accepted', 'Accepted', 3, 5, true, '#1e9e5a')
"""
DONE = {"mounted", "accepted"}


@dataclass(frozen=True, slots=True)
class Setting:
    """A status as somebody set it."""

    guid: uuid.UUID
    status: str
    day: date
    person: str


@dataclass(slots=True)
class BridgeInUse:
    """What was published and what was set.

    Attributes:
        today: The day that all others are counted from.
        structure, shop: The models.
        versions: Ids of the versions of each model, oldest first.
        drawn: The parts of each version.
        settings: All statuses in the order in which they were set.
    """

    owner_url: str
    project_id: str
    structure: str
    shop: str
    today: date
    versions: dict[str, list[str]] = field(default_factory=dict)
    drawn: dict[str, dict[uuid.UUID, Piece]] = field(default_factory=dict)
    settings: list[Setting] = field(default_factory=list)

    def front(self, name: str) -> Front:
        """A person; anna and boris may set statuses, vera may only look."""
        return user(self.owner_url, name, email=f"{name}@example.org")

    def of(self, model_id: str) -> dict[uuid.UUID, Piece]:
        """The parts that a model shows now."""
        return self.drawn[self.versions[model_id][-1]]

    @property
    def parts(self) -> dict[uuid.UUID, Piece]:
        """All parts, each once; the structure knows the assemblies."""
        return {**self.of(self.shop), **self.of(self.structure)}

    def status_of(self, piece: Piece) -> str:
        """The effective status of a part, by what was set."""
        own = {setting.guid: setting.status for setting in self.settings}
        inherited = own.get(piece.assembly, "not_started") if piece.assembly else "not_started"
        return own.get(piece.guid, inherited)

    def set_status(self, person: str, status: str, days_ago: int, *keys: str) -> None:
        """Sets the status of parts and assemblies by their keys."""
        day = self.today - timedelta(days=days_ago)
        guids = [expanded(global_id(key)) for key in keys]
        items = [{"guid": str(guid), "status": status, "effective_on": day.isoformat()} for guid in guids]
        self.front(person).rows("SELECT * FROM set_status(%s)", json.dumps(items))
        self.settings += [Setting(guid, status, day, f"{person}@example.org") for guid in guids]


async def build(owner_url: str, database_url: str) -> BridgeInUse:
    """Publishes, syncs and sets statuses in turn; the way of the data is the daemon's own."""
    async with (
        SandboxServer() as sandbox,
        Database(database_url) as database,
        open_bench(sandbox, database, owner_url) as bench,
    ):
        shop = sandbox.world.create_model(bench.project_id, "shop")
        now = datetime.now(UTC)
        site = BridgeInUse(owner_url, bench.project_id, bench.model_id, shop.id, now.date())
        run(owner_url, MAPPED, bench.project_id)
        run(owner_url, STATUSES)
        run(owner_url, "UPDATE instance SET public_url = 'https://speckle.example.com'")
        member(owner_url, bench.project_id, "anna", "boris@example.org", can_write=True)
        member(owner_url, bench.project_id, "vera")
        await _weeks(bench, site, now)
    # As autovacuum does within a minute.
    run(owner_url, "ANALYZE")
    return site


async def _weeks(bench: Bench, site: BridgeInUse, now: datetime) -> None:
    first, second, third, fourth = sample_bridge()
    ago = timedelta(days=1)
    await _show(bench, site, site.structure, (first.root_id, first.objects), now - 20 * ago, first.message)
    await _show(bench, site, site.shop, graph(_shop_model(gusset=True)), now - 15 * ago, "Цех")
    site.set_status("boris", "mounted", 18, *(f"span-1/temporary-{brace}" for brace in range(1, 5)))
    site.set_status("anna", "accepted", 17, *(f"support-2/column-{column}" for column in (1, 2)))
    for support in (1, 2, 3):
        piles = [f"support-{support}/pile-{pile}" for pile in range(1, 9)]
        site.set_status("boris", "mounted", 40 - 8 * support, *piles)
        site.set_status("anna", "accepted", 38 - 8 * support, *piles[: 9 - support])
    site.set_status("boris", "mounted", 12, *(f"span-1/beam-{beam}" for beam in range(1, 4)))
    await _show(bench, site, site.structure, (second.root_id, second.objects), now - 10 * ago, second.message)
    await _show(bench, site, site.shop, graph(_shop_model(gusset=False)), now - 8 * ago, "Без косынки")
    await _show(bench, site, site.structure, (third.root_id, third.objects), now - 6 * ago, third.message)
    site.set_status("boris", "delivered", 5, *(f"support-{support}/cap" for support in range(1, 5)))
    # Once more than it is: the last pile was not mounted after all, and a stiffener of a mounted beam is missing.
    site.set_status("anna", "delivered", 4, "support-3/pile-8", "span-1/beam-1/stiffener-7")
    await _show(bench, site, site.structure, (fourth.root_id, fourth.objects), now - 2 * ago, fourth.message)
    await _show(bench, site, site.shop, graph(_shop_model(gusset=True, longer=8.0)), now - ago, "Косынка снова")
    site.set_status("boris", "mounted", 1, *(f"span-1/slab-{slab}" for slab in range(1, 5)))
    await bench.sandbox.publish(site.project_id, "main", f"bundle.{site.project_id}.main.1", message="Concept")
    await bench.look()


async def _show(
    bench: Bench, site: BridgeInUse, model_id: str, drawing: tuple[str, Any], at: datetime, message: str
) -> None:
    root, objects = drawing
    version = await bench.sandbox.publish(
        site.project_id, model_id, root, objects=objects, created_at=at, message=message
    )
    outcome = await bench.look()
    assert not outcome.retry
    site.versions.setdefault(model_id, []).append(version.id)
    site.drawn[version.id] = pieces(root, objects)


def _shop_model(*, gusset: bool, longer: float = 0.0) -> Thing:
    """Three braces as the structure has them, one more whose mark is in Latin letters, a plate, and a gusset."""
    brace = Part(
        "span-1/brace-1", "IfcMember", "Связь СВ-1.1", "СВ-1.1", "L100X100X10", "S355", 2350.0, 100.0, 100.0, 35.5,
        station="ПК12+12.5",
    )  # fmt: skip
    parts = [
        *(replace(brace, key=f"span-1/brace-{n}", name=f"Связь СВ-1.{n}", mark=f"СВ-1.{n}") for n in (1, 2, 3)),
        replace(brace, key="shop/brace", name="Brace CB-1.1", mark="CB-1.1", length=2350.0 + longer),
        replace(brace, key="shop/plate", ifc_type="IfcPlate", name="Plate", mark="р1", length=1600.0, grade="S235"),
    ]
    if gusset:
        parts.append(replace(brace, key="shop/gusset", ifc_type="IfcPlate", name="Косынка", mark="к1", length=300.0))
    things = [
        element(
            global_id(part.key),
            ifcType=part.ifc_type,
            name=part.name,
            properties=part_properties(part, "shop", 1),
        )
        for part in parts
    ]
    return collection("Цех", *things)
