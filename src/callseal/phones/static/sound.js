// One phone's received sound: fetched as s16le at 8 kHz, drawn, searched for key tones, and played when asked.

const RATE = 8_000;
const COLUMN = 80; // samples in one drawn column: 10 ms
const KEY_COLUMNS = 4; // speech looks like a key for three columns at times; the phones' keys last ten
const SECONDS = 5;
const COLUMNS = (SECONDS * RATE) / COLUMN;
const LEAD_S = 0.12; // played this late, so that the network may be uneven
const MOST_LATE_S = 0.6;
const RETRY_MS = 1_000;

const ROWS = [697, 770, 852, 941];
const COLS = [1209, 1336, 1477, 1633];

export class Sound {
  #canvas;
  #peaks = new Float32Array(COLUMNS);
  #tones = new Uint8Array(COLUMNS);
  #at = 0;
  #last = new Float32Array(0); // the end of the chunk before: a tone does not care where chunks end
  #alike = 0; // columns in a row that looked like a key
  #context = null;
  #playAt = 0;
  #dirty = true;

  constructor(who, canvas) {
    this.#canvas = canvas;
    this.#read(who);
    const draw = () => {
      if (this.#dirty) this.#draw();
      requestAnimationFrame(draw);
    };
    requestAnimationFrame(draw);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => (this.#dirty = true));
    new ResizeObserver(() => (this.#dirty = true)).observe(canvas);
  }

  /** Play or stop playing. Must be called from a click: browsers want that. */
  play(on) {
    if (!on) {
      this.#context?.close();
      this.#context = null;
      return;
    }
    this.#context = new AudioContext();
    this.#playAt = 0;
  }

  async #read(who) {
    for (;;) {
      try {
        const response = await fetch(`/feed/${who}`, { cache: "no-store" });
        if (response.ok) await this.#drain(response.body.getReader());
      } catch {
        // The service went away; the page's status line says so.
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  async #drain(reader) {
    let odd = new Uint8Array(0); // a chunk may end in the middle of a sample
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const octets = new Uint8Array(odd.length + value.length);
      octets.set(odd);
      octets.set(value, odd.length);
      const whole = octets.length - (octets.length % 2);
      odd = octets.slice(whole);
      this.#samples(decode(octets.subarray(0, whole)));
    }
  }

  #samples(samples) {
    if (this.#context) this.#schedule(samples);
    const heard = new Float32Array(this.#last.length + samples.length);
    heard.set(this.#last);
    heard.set(samples, this.#last.length);
    const shift = this.#last.length;
    this.#last = heard.slice(-COLUMN);
    for (let from = 0; from < samples.length; from += COLUMN) {
      const column = samples.subarray(from, from + COLUMN);
      let peak = 0;
      for (const sample of column) peak = Math.max(peak, Math.abs(sample));
      this.#peaks[this.#at] = peak;
      // A tone is looked for in 20 ms: two columns.
      this.#alike = hasKeyTone(heard.subarray(Math.max(0, from + shift - COLUMN), from + shift + COLUMN)) ? this.#alike + 1 : 0;
      this.#tones[this.#at] = 0;
      if (this.#alike >= KEY_COLUMNS) for (let back = 0; back < KEY_COLUMNS; back += 1) this.#tones[(this.#at - back + COLUMNS) % COLUMNS] = 1;
      this.#at = (this.#at + 1) % COLUMNS;
    }
    this.#dirty = true;
  }

  #schedule(samples) {
    if (samples.length === 0) return;
    const context = this.#context;
    if (this.#playAt < context.currentTime) this.#playAt = context.currentTime + LEAD_S;
    if (this.#playAt > context.currentTime + MOST_LATE_S) return; // too far behind: skip rather than drift
    const buffer = context.createBuffer(1, samples.length, RATE);
    buffer.copyToChannel(samples, 0);
    const source = context.createBufferSource();
    source.buffer = buffer;
    source.connect(context.destination);
    source.start(this.#playAt);
    this.#playAt += samples.length / RATE;
  }

  #draw() {
    this.#dirty = false;
    const canvas = this.#canvas;
    const scale = devicePixelRatio || 1;
    const width = Math.round(canvas.clientWidth * scale);
    const height = Math.round(canvas.clientHeight * scale);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const style = getComputedStyle(canvas);
    const [ink, key, quiet] = ["color", "accentColor", "borderTopColor"].map((name) => style[name]);
    const pen = canvas.getContext("2d");
    pen.clearRect(0, 0, width, height);
    pen.fillStyle = quiet;
    pen.fillRect(0, height / 2 - scale / 2, width, scale);
    const bars = Math.min(COLUMNS, Math.floor(width / (3 * scale)));
    const each = COLUMNS / bars;
    for (let bar = 0; bar < bars; bar += 1) {
      let peak = 0;
      let tone = false;
      for (let column = Math.floor(bar * each); column < Math.floor((bar + 1) * each); column += 1) {
        const place = (this.#at + column) % COLUMNS;
        peak = Math.max(peak, this.#peaks[place]);
        tone ||= this.#tones[place] === 1;
      }
      const tall = Math.max(scale, Math.sqrt(peak) * height * 0.94);
      if (peak < 0.002) continue;
      pen.fillStyle = tone ? key : ink;
      pen.beginPath();
      pen.roundRect((bar * width) / bars, (height - tall) / 2, 2 * scale, tall, scale);
      pen.fill();
    }
  }
}

function decode(octets) {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  return Float32Array.from({ length: octets.byteLength / 2 }, (_, place) => view.getInt16(2 * place, true) / 32_768);
}

/**
 * Is this a DTMF tone? One low and one high frequency (ITU-T Q.23) hold most of the energy, each alone in its group.
 * It says that a key was there and never which: this page is for seeing leaks, not for reading cards.
 */
export function hasKeyTone(samples) {
  let energy = 0;
  for (const sample of samples) energy += sample * sample;
  const mean = energy / samples.length;
  if (samples.length < COLUMN || mean < 0.00002) return false;
  const low = ROWS.map((frequency) => power(samples, frequency)).sort((a, b) => b - a);
  const high = COLS.map((frequency) => power(samples, frequency)).sort((a, b) => b - a);
  const whole = (energy * samples.length) / 2;
  return low[0] + high[0] > 0.55 * whole && low[0] > 3 * low[1] && high[0] > 3 * high[1] && low[0] < 12 * high[0] && high[0] < 12 * low[0];
}

/** Goertzel: the power of one frequency, on the scale of (sum of squares) x length / 2. */
function power(samples, frequency) {
  const coefficient = 2 * Math.cos((2 * Math.PI * frequency) / RATE);
  let one = 0;
  let two = 0;
  for (const sample of samples) [one, two] = [sample + coefficient * one - two, one];
  return one * one + two * two - coefficient * one * two;
}
