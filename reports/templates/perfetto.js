"use strict";
(() => {
  const PERFETTO = "https://ui.perfetto.dev";
  const PING_MS = 250;
  const PATIENCE_MS = 15_000;
  const OFFLINE = "There is no network, so Perfetto cannot be loaded: save the trace instead.";

  const button = document.getElementById("perfetto");
  const status = document.getElementById("status");
  const say = (text) => { status.textContent = text; };

  const read = async () => {
    const answer = await fetch("?raw");
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    return answer.arrayBuffer();
  };

  /* Perfetto answers PING with PONG once it can take a trace; only its own origin is told and believed. */
  const ready = (target) => new Promise((resolve, reject) => {
    const started = Date.now();
    const answered = (event) => {
      if (event.source === target && event.origin === PERFETTO && event.data === "PONG") finish(resolve);
    };
    const finish = (settle, value) => {
      clearInterval(pinging);
      removeEventListener("message", answered);
      settle(value);
    };
    const ping = () => {
      if (target.closed) {
        finish(reject, new Error("Perfetto's window was closed before it could take the trace."));
        return;
      }
      if (Date.now() - started > PATIENCE_MS) {
        say("Perfetto has not answered yet. Without a network it never will: save the trace instead.");
      }
      target.postMessage("PING", PERFETTO);
    };
    addEventListener("message", answered);
    const pinging = setInterval(ping, PING_MS);
  });

  const open = async () => {
    const target = window.open(PERFETTO);
    if (target === null) {
      say("The browser opened no window: allow pop-ups for this page, or save the trace.");
      return;
    }
    say("Waiting for Perfetto…");
    try {
      const [buffer] = await Promise.all([read(), ready(target)]);
      target.postMessage({ perfetto: { buffer, title: button.dataset.title } }, PERFETTO);
      say("Perfetto has the trace.");
    } catch (error) {
      say(error instanceof TypeError ? "The trace could not be read: does `view` still run?" : error.message);
    }
  };

  const watch = () => say(navigator.onLine ? "" : OFFLINE);
  addEventListener("offline", watch);
  addEventListener("online", watch);
  watch();
  button.hidden = false;
  button.addEventListener("click", open);
})();
