// Level meters: two rows of bars, fed from the real audio of both directions.

const BARS = 24;
const FLOOR_DB = -60;

/** One meter bound to an element; `attach` gives it a stream, `level` is in dBFS. */
export class Meter {
  level = FLOOR_DB;
  #element;
  #bars;
  #analyser = null;
  #source = null;
  #samples = new Float32Array(1024);

  constructor(element) {
    this.#element = element;
    this.#bars = Array.from({ length: BARS }, () => element.appendChild(document.createElement('i')));
  }

  attach(context, stream) {
    this.detach();
    if (!stream?.getAudioTracks().length) return;
    this.#source = context.createMediaStreamSource(stream);
    this.#analyser = context.createAnalyser();
    this.#analyser.fftSize = 2 * this.#samples.length;
    this.#source.connect(this.#analyser);
  }

  detach() {
    this.#source?.disconnect();
    this.#source = null;
    this.#analyser = null;
    this.#show(FLOOR_DB);
  }

  /** Measures once; called for every animation frame of a call. */
  measure() {
    if (!this.#analyser) return;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    const power = this.#samples.reduce((sum, v) => sum + v * v, 0) / this.#samples.length;
    const now = Math.max(FLOOR_DB, 10 * Math.log10(power + 1e-12));
    // rise at once, fall slowly: what an ear expects of a meter
    this.#show(now > this.level ? now : this.level + 0.25 * (now - this.level));
  }

  #show(level) {
    this.level = level;
    const lit = Math.round((BARS * (level - FLOOR_DB)) / -FLOOR_DB);
    this.#bars.forEach((bar, i) => bar.classList.toggle('lit', i < lit));
    this.#element.setAttribute('aria-valuenow', Math.round(level));
  }
}
