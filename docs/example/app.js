// Lists the parts of a model with their statuses, lets a member set them, and colours the model by them.
// The first half asks PostgREST and knows no page; the second half is the page.

const PAGE = 100;
const COLUMNS = "guid,mark,element_name,element_type,level,weight_kg,effective_status,status_source,viewer_url";

/** What PostgREST answered instead of rows: its sentence, and what to do. */
export class Refusal extends Error {
  constructor(status, body) {
    super(body.message ?? `The server answered ${status}.`);
    this.status = status;
    const remedy = status === 401 ? "Sign in with a token that is valid." : null;
    this.details = [body.details, body.hint, remedy].filter(Boolean).join("\n");
  }
}

/** Asks PostgREST, with a token or without one. */
export class Twin {
  constructor(address, token = "") {
    this.address = address.replace(/\/$/, "");
    this.headers = token ? { Authorization: `Bearer ${token}` } : {};
  }

  async ask(path, options = {}) {
    const reply = await fetch(this.address + path, { ...options, headers: { ...this.headers, ...options.headers } });
    if (reply.ok) return reply.json();
    throw new Refusal(reply.status, await reply.json().catch(() => ({})));
  }

  read(table, query) {
    return this.ask(`/${table}?${new URLSearchParams(query)}`);
  }

  call(name, given) {
    const headers = { "Content-Type": "application/json" };
    return this.ask(`/rpc/${name}`, { method: "POST", headers, body: JSON.stringify(given) });
  }

  projects() {
    return this.read("projects", { select: "id,name", order: "name,id" });
  }

  models(project) {
    const query = { project_id: `eq.${project}`, state: "eq.active", select: "id,name,version_id", order: "name,id" };
    return this.read("models", query);
  }

  counts(project) {
    return this.read("status_counts", { project_id: `eq.${project}`, order: "sort,status" });
  }

  /** The next parts in the order of the key; `after` is the guid of the last one that is known. */
  parts(project, model, { status, after } = {}) {
    return this.read("elements", {
      project_id: `eq.${project}`,
      model_id: `eq.${model}`,
      kind: "eq.part",
      ...(status && { effective_status: `eq.${status}` }),
      ...(after && { guid: `gt.${after}` }),
      select: COLUMNS,
      order: "project_id,model_id,guid",
      limit: PAGE,
    });
  }

  async maySet(project) {
    if (!this.headers.Authorization) return false;
    const rows = await this.read("project_members", { project_id: `eq.${project}`, can_write: "eq.true", limit: 1 });
    return rows.length > 0;
  }

  setStatus(project, guids, status, effectiveOn, note) {
    const more = { ...(effectiveOn && { effective_on: effectiveOn }), ...(note && { note }) };
    return this.call("set_status", { items: guids.map((guid) => ({ project_id: project, guid, status, ...more })) });
  }

  viewerFilter(project, model) {
    return this.call("viewer_filter", { project, model });
  }

  /** Where the Speckle viewer finds the model; null where nothing was published. */
  async scene(project, version) {
    const query = { project_id: `eq.${project}`, id: `eq.${version}`, select: "root_object_id" };
    const [[server], [shown]] = await Promise.all([
      this.read("instance", { select: "server_url,public_url" }),
      this.read("versions", query),
    ]);
    const host = server?.public_url ?? server?.server_url;
    return host && shown?.root_object_id ? `${host}/streams/${project}/objects/${shown.root_object_id}` : null;
  }
}

/** Groups of objects as the viewer's setUserObjectColors takes them; a status without a colour keeps the model's. */
export function colourGroups(rows) {
  return rows.filter((row) => row.color).map((row) => ({ objectIds: row.object_ids, color: row.color }));
}

/** An address that may stand in a link: nothing but a web page. */
export function safeLink(address) {
  const protocol = /^[a-z]+:/i.exec(address ?? "")?.[0].toLowerCase();
  return protocol === "https:" || protocol === "http:" ? address : null;
}

export function weight(kilograms) {
  return kilograms === null ? "" : kilograms.toLocaleString(undefined, { maximumFractionDigits: 1 });
}

/** Today where the person is, not in Greenwich. */
export function today(now = new Date()) {
  return new Date(now.getTime() - now.getTimezoneOffset() * 60000).toISOString().slice(0, 10);
}

if (typeof document !== "undefined") startPage();

function startPage() {
  const by = (id) => document.getElementById(id);
  const address = document.querySelector('meta[name="postgrest"]').content;
  const asked = new URLSearchParams(location.search);
  const shown = { project: asked.get("project"), model: asked.get("model"), status: null, statuses: new Map() };
  let twin = new Twin(address, sessionStorage.getItem("token") ?? "");
  let viewer = null;
  // Answers to what nobody looks at any more are dropped.
  let turn = 0;

  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const options = (select, rows, chosen, none) => {
    select.replaceChildren(...rows.map((row) => element("option", { value: row.id, textContent: row.name ?? row.id })));
    if (rows.length === 0) select.append(element("option", { textContent: none, value: "" }));
    select.value = rows.some((row) => row.id === chosen) ? chosen : (rows[0]?.id ?? "");
    select.disabled = rows.length === 0;
    return select.value;
  };
  const swatch = (color) => {
    const made = element("span", { className: "swatch", ariaHidden: "true" });
    if (color) made.style.setProperty("--status", color);
    return made;
  };
  const attempt = async (work) => {
    by("trouble").hidden = true;
    try {
      await work();
    } catch (error) {
      by("trouble").textContent = [error.message, error.details].filter(Boolean).join("\n");
      by("trouble").hidden = false;
    }
  };

  // What the person before might see is gone before anything is asked for.
  function showNothing() {
    turn += 1;
    for (const id of ["project", "model"]) options(by(id), [], null, "none");
    for (const id of ["counts", "parts"]) by(id).replaceChildren();
    for (const id of ["more", "table", "setting"]) by(id).hidden = true;
    by("news").textContent = "";
    return showScene({});
  }

  async function showProjects() {
    const access = by("access").querySelector("summary");
    access.textContent = "Sign in";
    await showNothing();
    const projects = await twin.projects();
    if (twin.headers.Authorization) access.textContent = "Signed in";
    shown.project = options(by("project"), projects, shown.project, "none");
    if (projects.length > 0) return showProject();
    by("access").open = true;
    by("news").textContent = "No project is open to you. Sign in, or ask for a row in project_members.";
  }

  async function showProject() {
    const [models, maySet] = await Promise.all([twin.models(shown.project), twin.maySet(shown.project)]);
    shown.versions = new Map(models.map((model) => [model.id, model.version_id]));
    // The first one that shows anything.
    const wanted = models.find((model) => model.id === shown.model) ?? models.find((model) => model.version_id);
    shown.model = options(by("model"), models, wanted?.id, "none");
    shown.status = null;
    document.body.classList.toggle("may-set", maySet);
    by("setting").hidden = !maySet;
    await showCounts();
    by("status").replaceChildren(
      ...[...shown.statuses.values()].map((row) => element("option", { value: row.status, textContent: row.title })),
    );
    by("status").value = [...shown.statuses.keys()].find((status) => status !== "not_started") ?? "not_started";
    await showModel();
  }

  async function showModel() {
    history.replaceState(null, "", `?${new URLSearchParams({ project: shown.project, model: shown.model })}`);
    await Promise.all([showParts(), showScene({ model: shown.model, version: shown.versions.get(shown.model) })]);
  }

  async function showCounts() {
    const counts = await twin.counts(shown.project);
    shown.statuses = new Map(counts.map((row) => [row.status, row]));
    by("counts").replaceChildren(
      ...counts.map((row) => {
        const button = element("button", { type: "button" }, swatch(row.color), row.title, " ");
        button.append(element("b", { textContent: row.parts.toLocaleString() }));
        button.dataset.status = row.status;
        button.ariaPressed = String(row.status === shown.status);
        return button;
      }),
    );
  }

  async function showParts({ after } = {}) {
    const mine = after ? turn : (turn += 1);
    const rows = shown.model ? await twin.parts(shown.project, shown.model, { status: shown.status, after }) : [];
    if (mine !== turn) return;
    if (!after) by("parts").replaceChildren();
    by("parts").append(...rows.map(partRow));
    by("more").hidden = rows.length < PAGE;
    const listed = by("parts").children.length;
    by("table").hidden = listed === 0;
    const isAll = rows.length < PAGE;
    by("news").textContent = listed ? `${listed} listed${isAll ? "" : ", there are more"}.` : "There are none.";
    chosenChanged();
  }

  function partRow(part) {
    const choice = element("input", { type: "checkbox", value: part.guid });
    choice.ariaLabel = `Choose ${part.mark ?? part.element_name ?? part.guid}`;
    const link = safeLink(part.viewer_url);
    const cells = [
      ["choice", choice],
      ["mark", part.mark ?? ""],
      ["name", part.element_name ?? ""],
      ["type", part.element_type ?? ""],
      ["level", part.level ?? ""],
      ["number", weight(part.weight_kg)],
      ["state", statusCell(part.effective_status, part.status_source)],
      ["open", link ? element("a", { href: link, rel: "noreferrer", target: "_blank", textContent: "Open" }) : ""],
    ];
    const row = element("tr", { role: "row" });
    row.append(...cells.map(([name, content]) => element("td", { className: name, role: "cell" }, content)));
    if (link) row.lastChild.firstChild.ariaLabel = `Open ${part.mark ?? part.element_name ?? "the part"} in Speckle`;
    return row;
  }

  function statusCell(code, source) {
    const known = shown.statuses.get(code);
    const text = (known?.title ?? code) + (source === "assembly" ? " (by its assembly)" : "");
    return element("span", { className: "status" }, swatch(known?.color), text);
  }

  async function showScene({ model, version }) {
    const scene = version ? await twin.scene(shown.project, version) : null;
    by("viewer").hidden = by("viewer-note").hidden = !scene;
    if (!scene) return viewer?.clear();
    by("viewer-note").textContent = "The model is loading ...";
    try {
      const { Viewer3D } = await import("./viewer.js");
      viewer ??= new Viewer3D(by("viewer"));
      await viewer.show(scene, sessionStorage.getItem("speckle-token") ?? "");
      await colour(model);
      by("viewer-note").hidden = true;
    } catch (error) {
      by("viewer").hidden = true;
      by("viewer-note").textContent = `No 3D view here, but the links below open parts in Speckle. (${error.message})`;
    }
  }

  async function colour(model) {
    if (viewer?.isShowing) viewer.colour(colourGroups(await twin.viewerFilter(shown.project, model)));
  }

  const chosen = () => [...by("parts").querySelectorAll("input:checked")];

  function chosenChanged() {
    const [boxes, count] = [by("parts").querySelectorAll("input"), chosen().length];
    by("all").checked = count > 0 && count === boxes.length;
    by("all").indeterminate = count > 0 && count < boxes.length;
    by("set").disabled = count === 0;
    by("set").textContent = count ? `Set ${count}` : "Set";
  }

  async function setChosen() {
    const boxes = chosen();
    const [status, day, note] = [by("status").value, by("effective-on").value, by("note").value.trim()];
    by("set").disabled = true;
    try {
      const rows = await twin.setStatus(shown.project, boxes.map((box) => box.value), status, day, note);
      await showCounts();
      for (const box of boxes) {
        box.closest("tr").querySelector(".state").replaceChildren(statusCell(status, "own"));
        box.checked = false;
      }
      by("note").value = "";
      const changed = rows.filter((row) => row.changed).length;
      const same = rows.length - changed;
      by("news").textContent = `Set: ${changed}${same ? `, as before: ${same}` : ""}.`;
      await colour(shown.model);
    } finally {
      chosenChanged();
    }
  }

  by("effective-on").value = today();
  for (const id of ["token", "speckle-token"]) by(id).value = sessionStorage.getItem(id) ?? "";
  // Where rows become cards, the browser forgets that this is a table.
  const roles = { table: "table", "thead, tbody": "rowgroup", tr: "row", th: "columnheader" };
  for (const [names, role] of Object.entries(roles)) {
    for (const part of document.querySelectorAll(names)) part.setAttribute("role", role);
  }
  by("project").onchange = () => attempt(() => ((shown.project = by("project").value), showProject()));
  by("model").onchange = () => attempt(() => ((shown.model = by("model").value), showModel()));
  by("more").onclick = () =>
    attempt(() => showParts({ after: by("parts").lastElementChild.querySelector("input").value }));
  by("parts").onchange = chosenChanged;
  by("all").onchange = () => {
    for (const box of by("parts").querySelectorAll("input")) box.checked = by("all").checked;
    chosenChanged();
  };
  by("counts").onclick = (event) => {
    const status = event.target.closest("button")?.dataset.status;
    if (!status) return;
    shown.status = shown.status === status ? null : status;
    for (const button of by("counts").children) button.ariaPressed = String(button.dataset.status === shown.status);
    attempt(showParts);
  };
  by("setting").onsubmit = (event) => {
    event.preventDefault();
    attempt(setChosen);
  };
  by("sign-in").onsubmit = (event) => {
    event.preventDefault();
    sessionStorage.setItem("token", by("token").value.trim());
    sessionStorage.setItem("speckle-token", by("speckle-token").value.trim());
    twin = new Twin(address, by("token").value.trim());
    by("access").open = false;
    attempt(showProjects);
  };
  attempt(showProjects);
}
