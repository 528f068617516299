// One connection to the desk for each API root, shared by every card and list on the page.
//
// The events come by fetch rather than EventSource: EventSource gives up for good on a 502, hides 401, and cannot
// be told that a silent line is a dead line. Here silence of 7 s (the desk pings every 3 s) counts as lost.

const SILENCE_MS = 7_000;
const GRACE_MS = 1_000;
const BACKOFF_MS = [250, 500, 1_000, 2_000, 4_000, 8_000];
const PRESS_TRIES = 3;
const PRESS_TIMEOUT_MS = 8_000;

const feeds = new Map();

/** The feed of one API root ("" is this origin). */
export function feedFor(base) {
  const root = base.replace(/\/+$/, "");
  if (!feeds.has(root)) feeds.set(root, new Feed(root));
  return feeds.get(root);
}

/**
 * Events: "call" (detail: CALL), "gone" (detail: reference), "line" (the connection changed; read .line and .lostSince).
 * line: "connecting" | "live" | "lost" | "signed_out".
 */
class Feed extends EventTarget {
  line = "connecting";
  lostSince = null;
  calls = new Map();
  /** Server clock minus this machine's clock, ms; 0 when they agree within 2 s or the desk did not say. */
  skew = 0;
  #root;
  #users = 0;
  #stop = null;
  #me = null;
  #lastId = null;
  #wake = () => {};
  #drop = () => {};

  constructor(root) {
    super();
    this.#root = root;
  }

  join() {
    this.#users += 1;
    if (this.#users > 1) return;
    this.#stop = new AbortController();
    const { signal } = this.#stop;
    window.addEventListener("offline", () => this.#offline(), { signal });
    window.addEventListener("online", () => this.#wake(), { signal });
    this.#run(signal);
  }

  leave() {
    this.#users -= 1;
    if (this.#users === 0) this.#stop.abort();
  }

  /** Who is logged in: {agent, tenant, csrf}, or null. */
  async me() {
    if (this.#me === null) {
      const response = await this.#fetch("/v1/me");
      if (response.status === 401) this.#setLine("signed_out");
      if (response.ok) this.#me = await response.json();
    }
    return this.#me;
  }

  async signOut() {
    const me = await this.me();
    await this.#fetch("/v1/logout", { method: "POST", headers: { "X-CSRF-Token": me?.csrf ?? "", "Idempotency-Key": crypto.randomUUID() } });
    this.#me = null;
    this.#setLine("signed_out");
  }

  /**
   * Send one press. `key` is its idempotency key: every retry of the same press carries the same one, here and by the caller.
   * Resolves to {ok: true}, {ok: false, refused: {status, error, message, advice}} or {ok: false, unreachable: true}.
   */
  async press(reference, action, body, key) {
    for (let attempt = 0; attempt < PRESS_TRIES; attempt += 1) {
      if (attempt > 0) await pause(BACKOFF_MS[attempt]);
      try {
        const me = await this.me();
        const response = await this.#fetch(`/v1/calls/${encodeURIComponent(reference)}/${action}`, {
          method: "POST",
          headers: { "Content-Type": "application/json", "X-CSRF-Token": me?.csrf ?? "", "Idempotency-Key": key },
          body: JSON.stringify(body ?? {}),
          signal: AbortSignal.timeout(PRESS_TIMEOUT_MS),
        });
        const answer = await response.json().catch(() => ({}));
        if (response.ok) {
          this.#take(answer);
          return { ok: true };
        }
        const gateway = response.status >= 502 && response.status <= 504 && !answer.error;
        if (!gateway) return { ok: false, refused: this.#refusal(response.status, answer) };
      } catch {
        // The network failed: the press may or may not have arrived, so the same key goes again.
      }
    }
    return { ok: false, unreachable: true };
  }

  #refusal(status, answer) {
    if (status === 401) this.#setLine("signed_out");
    if (status === 401 || status === 403) this.#me = null; // a new session brings a new CSRF token
    const detail = typeof answer.detail === "string" ? answer.detail : `The desk answered ${status}.`;
    return { status, error: answer.error ?? `http_${status}`, message: answer.message ?? detail, advice: answer.advice ?? "" };
  }

  /** Ask for every live call; what the desk no longer lists is gone. */
  async resync(fresh = new Set()) {
    const known = [...this.calls.keys()];
    const response = await this.#fetch("/v1/calls", { signal: AbortSignal.timeout(PRESS_TIMEOUT_MS) });
    if (!response.ok) throw new Error(`calls: ${response.status}`);
    const body = await response.json();
    const calls = Array.isArray(body) ? body : body.calls;
    for (const call of calls) this.#take(call);
    const listed = new Set(calls.map((call) => call.reference));
    for (const reference of known) {
      if (listed.has(reference) || fresh.has(reference)) continue;
      this.calls.delete(reference);
      this.dispatchEvent(new CustomEvent("gone", { detail: reference }));
    }
  }

  async #run(stop) {
    let failures = 0;
    let grace = null;
    const down = () => {
      grace ??= setTimeout(() => this.#lost(), GRACE_MS);
    };
    const up = () => {
      clearTimeout(grace);
      grace = null;
      failures = 0;
      this.#setLine("live");
    };
    while (!stop.aborted) {
      down();
      await this.#listen(stop, up).catch(() => {}); // the state of the line says what happened
      if (stop.aborted) break;
      down();
      const wait = BACKOFF_MS[Math.min(failures, BACKOFF_MS.length - 1)];
      failures += 1;
      await new Promise((resolve) => {
        this.#wake = resolve;
        setTimeout(resolve, wait * (0.75 + Math.random() / 2)); // spread: many cards lose the same desk at once
      });
    }
    clearTimeout(grace);
  }

  async #listen(stop, opened) {
    const silence = new AbortController();
    this.#drop = () => silence.abort();
    const signal = AbortSignal.any([stop, silence.signal]);
    let timer = setTimeout(() => silence.abort(), SILENCE_MS);
    const fresh = new Set();
    try {
      const headers = { Accept: "text/event-stream" };
      if (this.#lastId !== null) headers["Last-Event-ID"] = this.#lastId;
      const response = await this.#fetch("/v1/events", { headers, signal });
      if (response.status === 401) {
        this.#me = null;
        this.#setLine("signed_out");
      }
      if (!response.ok) throw new Error(`events: ${response.status}`);
      this.#readClock(response);
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      const parse = eventParser((event) => this.#receive(event, fresh));
      this.resync(fresh).then(
        () => silence.signal.aborted || opened(),
        () => silence.abort(),
      );
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE_MS);
        parse(value);
      }
    } finally {
      clearTimeout(timer);
      silence.abort();
    }
  }

  #receive(event, fresh) {
    if (event.id !== null) this.#lastId = event.id;
    if (event.type !== "call") return;
    const call = JSON.parse(event.data);
    fresh.add(call.reference);
    this.#take(call);
  }

  #take(call) {
    if (typeof call?.reference !== "string") return;
    const known = this.calls.get(call.reference);
    if (known && known.version > call.version) return;
    this.calls.set(call.reference, call);
    this.dispatchEvent(new CustomEvent("call", { detail: call }));
  }

  #offline() {
    this.#drop();
    this.#lost();
  }

  #lost() {
    if (this.line === "signed_out") return;
    this.#setLine("lost");
  }

  #setLine(line) {
    if (this.line === line) return;
    this.line = line;
    this.lostSince = line === "live" ? null : (this.lostSince ?? Date.now());
    this.dispatchEvent(new Event("line"));
  }

  #readClock(response) {
    const server = Date.parse(response.headers.get("Date") ?? "");
    const skew = Number.isNaN(server) ? 0 : server - Date.now();
    this.skew = Math.abs(skew) < 2_000 ? 0 : skew;
  }

  #fetch(path, options = {}) {
    return fetch(this.#root + path, { credentials: "include", cache: "no-store", ...options });
  }
}

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A text/event-stream parser (HTML standard 9.2.6): give it text as it comes, it calls back with whole events. */
export function eventParser(onEvent) {
  let rest = "";
  let type = "";
  let data = [];
  let id = null;
  return (chunk) => {
    const lines = (rest + chunk).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop();
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) onEvent({ type: type || "message", data: data.join("\n"), id });
        type = "";
        data = [];
        continue;
      }
      const [, name, value] = /^([^:]*):? ?(.*)$/s.exec(line);
      if (name === "event") type = value;
      else if (name === "data") data.push(value);
      else if (name === "id") id = value;
    }
  };
}
