"use strict";
// All text comes from devices: it is put into the page as text, never as markup.

const standings = ["registered", "degraded", "recalling", "discovering", "resting", "outage", "unknown", "silent", "offline"];
const meaning = {
  registered: "registered as it should be",
  degraded: "registered through last good: DNS and DHCP fail",
  recalling: "tries the Registrar that it was given before",
  discovering: "looks for a Registrar",
  resting: "was refused by all Registrars, and waits",
  outage: "finds no Registrar, and tries last good",
  unknown: "connected, and has not said how it stands",
  silent: "connected, says the broker, and not heard for more than a day",
  offline: "not connected to the broker",
};
const every = 2000; // ms
const query = { state: "trouble", site: "", registrar: "", reason: "", text: "" };

const $ = id => document.getElementById(id);
const number = n => n.toLocaleString("en");

function make(tag, text, className) {
  const e = document.createElement(tag);
  if (text !== undefined) e.textContent = text;
  if (className) e.className = className;
  return e;
}

function ago(at, now) {
  if (!at) return "";
  const s = (now - Date.parse(at)) / 1000;
  if (s < 60) return "now";
  if (s < 3600) return Math.floor(s / 60) + " min";
  if (s < 172800) return Math.floor(s / 3600) + " h";
  return Math.floor(s / 86400) + " days";
}

function percent(part, whole) {
  if (!whole) return "-";
  const p = 100 * part / whole;
  return (p > 99 && p < 100 ? Math.min(99.9, p).toFixed(1) : p > 0 && p < 10 ? p.toFixed(1) : Math.round(p)) + " %";
}

function fillBar(bar, counts, whole) {
  bar.replaceChildren(...standings.filter(s => counts[s]).map(s => {
    const part = make("span", undefined, s);
    part.style.flexGrow = counts[s] / whole;
    part.title = s + ": " + number(counts[s]);
    return part;
  }));
  bar.setAttribute("aria-label", standings.filter(s => counts[s]).map(s => counts[s] + " " + s).join(", "));
}

function ask(change) {
  Object.assign(query, change);
  $("state").value = query.state;
  showDevices();
  const devices = $("filter").closest("section");
  if (devices.getBoundingClientRect().top > 0.7 * innerHeight) devices.scrollIntoView(); // or nothing seems to happen
}

// What is shown already is left alone: it may be selected, or have the focus.
const shown = {};
function isNew(what, ...content) {
  const text = JSON.stringify(content);
  if (shown[what] === text) return false;
  shown[what] = text;
  return true;
}

function showWhole(o) {
  const f = o.fleet;
  if (!isNew("whole", f.devices, f.standings, f.unarmed, f.sign_in, f.broker, f.partial, o.hidden, query.state)) return;
  $("share").textContent = f.devices ? percent(f.standings.registered || 0, f.devices) + " of " + number(f.devices) : "no devices";
  fillBar($("bar"), f.standings, f.devices);
  $("legend").replaceChildren(...standings.filter(s => f.standings[s]).map(s => {
    const item = make("li"), button = make("button");
    button.type = "button";
    button.title = meaning[s];
    button.setAttribute("aria-pressed", query.state === s);
    button.append(make("span", undefined, "dot " + s), number(f.standings[s]) + " " + s);
    button.onclick = () => ask({ state: query.state === s ? "trouble" : s });
    item.append(button);
    return item;
  }));
  const remarks = [];
  if (f.unarmed) remarks.push(number(f.unarmed) + " hold no last good Registrar: in an outage they have nothing to try.");
  if (f.sign_in[1]) remarks.push(number(f.sign_in[1]) + " certificates for sign-in expire within 30 days.");
  if (f.broker[1]) remarks.push(number(f.broker[1]) + " certificates for the broker expire within 30 days.");
  if (f.partial) remarks.push(number(f.partial) + " devices are known only in part: the broker drops retained messages (Mosquitto: max_queued_messages 0).");
  if (o.hidden) remarks.push("The lists show their first 50 lines; " + number(o.hidden) + " more are left out.");
  $("remarks").replaceChildren(...remarks.map(r => make("li", r)));
}

function showCounts(id, counts, withBar, pick) {
  if (!isNew(id, counts)) return;
  const rows = counts.map(c => {
    const row = make("tr"), name = make("td", c.name), well = c.standings.registered || 0;
    row.tabIndex = 0;
    row.onclick = row.onkeydown = e => { if (e.type === "click" || e.key === "Enter") pick(c.name); };
    if (withBar) {
      const bar = make("div", undefined, "bar small");
      fillBar(bar, c.standings, c.devices);
      name.append(bar);
    }
    row.append(name, make("td", withBar ? percent(well, c.devices) + " of " + number(c.devices) : number(c.devices), "n"));
    return row;
  });
  if (!rows.length) {
    const row = make("tr");
    row.append(make("td", "none", "none"));
    rows.push(row);
  }
  $(id).tBodies[0].replaceChildren(...rows);
}

function showEvents(events) {
  if (!isNew("events", events)) return;
  $("events").replaceChildren(...(events || []).map(e => {
    const item = make("li");
    item.append(make("span", new Date(e.at).toLocaleTimeString("en-GB"), "none"), make("span", e.site + "/" + e.device), make("span", e.text));
    return item;
  }));
  if (!events || !events.length) $("events").append(make("li", "none since this page is served", "none"));
}

function showLink(o) {
  const l = o.link, where = (o.site ? "site " + o.site + " at " : "") + o.broker;
  const bad = !l.connected;
  $("link").classList.toggle("bad", bad);
  document.querySelector("main").classList.toggle("stale", bad);
  const at = new Date(o.at).toLocaleTimeString("en-GB");
  if (bad && !l.error) $("link").textContent = "Connecting to " + where;
  else if (bad) $("link").textContent = "No connection to " + where + " (" + l.error + ")" + "; what is shown is how it was " + new Date(l.since).toLocaleTimeString("en-GB");
  else $("link").textContent = where + ", " + at;
}

async function get(path) {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.json();
}

function placeOf(r) { return r ? r.host + ":" + r.port + (r.role === "backup" ? " (backup)" : "") : ""; }

function rowOf(d, now) {
  const row = make("tr"), s = d.state || {}, standing = make("td");
  standing.append(make("span", undefined, "dot " + d.standing), d.standing);
  standing.title = meaning[d.standing];
  const gone = d.standing === "offline" || d.standing === "silent";
  const f = s.last_failure;
  row.append(
    make("td", d.site + "/" + d.device), standing, make("td", gone ? "" : ago(s.since, now)), make("td", s.reason || ""), make("td", placeOf(s.registrar)),
    make("td", s.cache ? s.cache.registrar || "yes" : s.counters ? "nothing" : ""),
    make("td", f ? [f.reason, f.host, ago(f.at, now)].filter(Boolean).join(", ") : ""));
  if (s.sip_address || s.account) row.title = s.sip_address || "account " + s.account;
  return row;
}

async function showDevices() {
  const wanted = JSON.stringify(query);
  const found = await get("api/devices?" + new URLSearchParams(query));
  if (wanted !== JSON.stringify(query)) return; // another question has been asked since
  const now = 60000 * Math.floor(Date.now() / 60000); // ages are in minutes
  if (!isNew("devices", found, query, now)) return;
  const rows = found.rows.map(d => rowOf(d, now));
  $("devices").tBodies[0].replaceChildren(...rows);
  $("found").textContent = found.devices > rows.length ? "the first " + rows.length + " of " + number(found.devices) : number(found.devices);
  $("chips").replaceChildren(...["site", "registrar", "reason"].filter(k => query[k]).map(k => {
    const chip = make("button", k + ": " + query[k] + " ×", "chip");
    chip.type = "button";
    chip.onclick = () => ask({ [k]: "" });
    return chip;
  }));
  $("hint").textContent = "";
  if (query.reason) {
    const r = await get("api/reason?" + new URLSearchParams({ code: query.reason }));
    if (wanted === JSON.stringify(query)) $("hint").textContent = [r.title, r.hint].filter(Boolean).join(". To do: ");
  }
}

async function show() {
  try {
    const o = await get("api/overview");
    showLink(o);
    showWhole(o);
    showCounts("sites", o.fleet.sites, true, name => ask({ site: name }));
    showCounts("registrars", o.fleet.registrars, true, name => ask({ registrar: name, state: "" }));
    showCounts("reasons", o.fleet.reasons, false, name => ask({ reason: name }));
    showEvents(o.events);
    await showDevices();
  } catch (e) {
    $("link").classList.add("bad");
    $("link").textContent = "fleet serve does not answer: " + e.message;
  }
  setTimeout(show, every);
}

for (const [value, text] of [["trouble", "not as it should be"], ["", "all"], ...standings.map(s => [s, s])]) {
  const option = make("option", text);
  option.value = value;
  $("state").append(option);
}
$("state").onchange = e => ask({ state: e.target.value });
$("text").oninput = e => ask({ text: e.target.value });
$("filter").onsubmit = e => e.preventDefault();
show();
