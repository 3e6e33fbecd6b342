// AudioWorklet: hands every block of its input to the page as 16-bit samples, silence included.
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.block = new Int16Array(4800);
    this.filled = 0;
  }

  process([[channel]]) {
    for (let i = 0; i < 128; i += 1) {
      const sample = channel ? Math.max(-1, Math.min(1, channel[i])) : 0;
      this.block[this.filled] = sample * 32767;
      this.filled += 1;
      if (this.filled === this.block.length) {
        this.port.postMessage(this.block.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}
registerProcessor('recorder', Recorder);
