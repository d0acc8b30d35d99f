// Only in a page that quickctl serves: shows what is new, without closing what is open and without moving.
const main = document.querySelector("main");
const pause = Number(document.body.dataset.refresh) * 1000;
const state = document.getElementById("refreshing");
const stop = document.getElementById("stop");
let stopped = false;

stop.addEventListener("click", () => {
  stopped = !stopped;
  stop.textContent = stopped ? "Go on" : "Pause";
  state.textContent = stopped ? "paused" : "refreshes itself";
});

async function refresh() {
  try {
    const answer = await fetch("/", { cache: "no-store" });
    if (!answer.ok) throw new Error(answer.statusText);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const open = [...main.querySelectorAll("details[open]")].map((each) => each.id);
    const focused = document.activeElement.id;
    main.replaceChildren(...fresh.querySelector("main").childNodes);
    document.getElementById("read").textContent = fresh.getElementById("read").textContent;
    open.forEach((id) => document.getElementById(id)?.setAttribute("open", ""));
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
    state.textContent = "refreshes itself";
  } catch {
    state.textContent = "nobody answers any more";
  }
}

setInterval(() => stopped || refresh(), pause);
