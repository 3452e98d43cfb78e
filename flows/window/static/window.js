"use strict";
// Keys, the row beside the list, and reviews on their way. Pages work without it; only judging needs it.
(() => {
  const one = (selector) => document.querySelector(selector);
  const list = one("#list"), reading = one("#reading"), note = one("#note");
  const token = one('meta[name="nightschool-token"]').content;
  // Parts of pages come from this server alone, whose templates escape every text of a model.
  const trusted = window.trustedTypes
    ? trustedTypes.createPolicy("nightschool", { createHTML: (html) => html })
    : { createHTML: (html) => html };

  async function part(address) {
    const answer = await fetch(address, { credentials: "same-origin" });
    if (!answer.ok) throw new Error(`${answer.status}`);
    const holder = document.createElement("template");
    holder.innerHTML = trusted.createHTML(await answer.text());
    return holder.content;
  }

  let quiet;
  function say(text, bad = false) {
    const place = one("#saying");
    place.textContent = text;
    place.classList.toggle("bad", bad);
    place.hidden = false;
    clearTimeout(quiet);
    if (!bad) quiet = setTimeout(() => { place.hidden = true; }, 1500);
  }

  // Reviews: kept until the server says that they are recorded; a batch that failed is sent again as it was.
  const KEEP = "nightschool-reviews";
  let waiting = JSON.parse(sessionStorage.getItem(KEEP) || "[]"), batch = null, recorded = 0;
  function keep() { sessionStorage.setItem(KEEP, JSON.stringify([...(batch || []), ...waiting])); }
  async function send() {
    if (batch || !waiting.length) return;
    [batch, waiting] = [waiting.slice(0, 200), waiting.slice(200)];
    for (let pause = 1000; batch; pause = Math.min(2 * pause, 15000)) {
      try {
        const answer = await fetch("/reviews", {
          method: "POST", credentials: "same-origin", body: JSON.stringify({ reviews: batch }),
          headers: { "content-type": "application/json", "x-nightschool-token": token },
        });
        if (answer.ok || (answer.status >= 400 && answer.status < 500)) {
          if (answer.ok) recorded += batch.length;
          say(answer.ok ? `${recorded} recorded` : `not recorded: ${(await answer.text()).slice(0, 200)}`, !answer.ok);
          batch = null;
        }
      } catch { /* the server is away; it is asked again */ }
      if (batch) {
        say(`${batch.length + waiting.length} not recorded yet, trying again`, true);
        await new Promise((go) => setTimeout(go, pause));
      }
    }
    keep();
    send();
  }
  // Another page of the window sends what is kept; only who leaves it is asked.
  let within = false;
  addEventListener("beforeunload", (event) => { if ((batch || waiting.length) && !within) event.preventDefault(); });
  addEventListener("submit", () => { within = true; });

  function review(id, verdict, text) {
    waiting.push({ review_id: crypto.randomUUID(), sample_id: id, verdict, note: text, draw_id: reading.dataset.draw || null });
    keep();
    send();
  }

  // The list and the row that is read.
  const links = list ? [...list.querySelectorAll("a[data-id]")] : [];
  let at = -1;
  const ready = new Map();
  function fetched(link) {
    const address = link.href + (link.href.includes("?") ? "&" : "?") + "part=1";
    if (!ready.has(address)) {
      if (ready.size > 30) ready.clear();
      ready.set(address, part(address).catch((error) => { ready.delete(address); throw error; }));
    }
    return ready.get(address);
  }
  async function open(index, show = true) {
    if (index < 0 || index >= links.length) return;
    at = index;
    const link = links[at];
    if (!reading.querySelector(".judging")) reading.textContent = "";
    for (const other of links) other.parentElement.classList.toggle("now", other === link);
    link.scrollIntoView({ block: "nearest" });
    if (show) document.body.classList.add("opened");
    try {
      const content = await fetched(link);
      if (links[at] !== link) return;
      reading.replaceChildren(content.cloneNode(true));
      reading.scrollTop = 0;
      mark(link.parentElement.dataset.verdict);
      later();
      if (links[at + 1]) fetched(links[at + 1]).catch(() => {});
    } catch (error) {
      say(`the row cannot be shown (${error.message})`, true);
    }
  }
  async function later() {
    const place = reading?.querySelector("[data-later]");
    if (!place) return;
    try { place.replaceChildren(await part(place.dataset.later)); } catch { /* its link stays */ }
  }
  function mark(verdict) {
    for (const [key, name] of [["a", "accept"], ["r", "reject"]])
      one(`.judging [data-key="${key}"]`)?.classList.toggle("chosen", verdict === name);
  }
  function step(by) {
    if (!list) return;
    if (at + by >= links.length) return turn("next");
    if (at + by < 0) return turn("prev");
    open(at + by);
  }
  function turn(way) {
    const link = one(`.side .turning [rel="${way}"]`);
    if (link) { sessionStorage.setItem("nightschool-turn", way); within = true; location.assign(link.href); } else say(way === "next" ? "the last row" : "the first row");
  }
  function judge(verdict) {
    const id = one(".judging")?.dataset.id;
    if (!id) return;
    review(id, verdict, null);
    const link = links[at];
    if (link && link.dataset.id === id) {
      link.parentElement.dataset.verdict = verdict;
      ready.clear();
      mark(verdict);
      step(1);
    } else mark(verdict);
  }
  function write() {
    const id = one(".judging")?.dataset.id, text = one("#note-text");
    if (!id || !note) return;
    text.value = "";
    note.returnValue = "";
    note.dataset.id = id;
    note.showModal();
  }
  note?.addEventListener("close", () => {
    const text = one("#note-text").value.trim();
    if (note.returnValue === "save" && text) { review(note.dataset.id, null, text); ready.clear(); }
  });
  note?.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) note.close("save"); });

  const keys = {
    j: () => step(1), k: () => step(-1), a: () => judge("accept"), r: () => judge("reject"), n: write,
    "/": () => one('#filters [name="q"]')?.focus(), "?": () => one("#help")?.showModal(),
    Escape: () => document.body.classList.remove("opened"),
  };
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input, textarea, select, dialog[open]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (act) { event.preventDefault(); act(); }
  });
  addEventListener("click", (event) => {
    if (event.target.closest("[data-close]")) return note.close("");
    const button = event.target.closest("[data-key]");
    if (button) return keys[button.dataset.key]();
    within = event.target.closest("a[href]")?.origin === location.origin;
    const link = event.target.closest("#list a[data-id]");
    if (link && reading && links.length && !event.ctrlKey && !event.metaKey) { event.preventDefault(); open(links.indexOf(link)); }
  });

  // Filters: what is chosen is asked at once, and what is empty is not said.
  const filters = one("#filters");
  filters?.addEventListener("change", (event) => { if (event.target.tagName === "SELECT") filters.requestSubmit(); });
  filters?.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) if (!value || (name === "order" && value === "newest")) event.formData.delete(name);
  });

  // What runs now.
  const live = one("[data-live]");
  if (live) setInterval(async () => {
    if (document.hidden) return;
    try { live.replaceChildren(await part(live.dataset.live)); } catch { /* the next time */ }
  }, 3000);

  const way = sessionStorage.getItem("nightschool-turn");
  sessionStorage.removeItem("nightschool-turn");
  if (links.length) open(way === "prev" ? links.length - 1 : 0, way !== null && matchMedia("(max-width: 50rem)").matches);
  else later();
  send();
})();
