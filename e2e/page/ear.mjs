// Hears a remote stream: records its samples at 48 kHz so that a test can judge them by Goertzel filters.

/** Firefox has no AudioContext that runs where there is no sound card. */
export function openEar(stream) {
  return navigator.userAgent.includes('Firefox') ? new RecordedEar(stream) : Ear.open(stream);
}

class Ear {
  static async open(stream) {
    // Chromium only renders a remote stream that some element plays.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    element.play().catch(() => {});
    const context = new AudioContext({ sampleRate: 48000 });
    await context.audioWorklet.addModule('recorder.js');
    const recorder = new AudioWorkletNode(context, 'recorder');
    context.createMediaStreamSource(stream).connect(recorder);
    recorder.connect(context.destination);
    await context.resume();
    return new Ear(context, recorder, element);
  }

  constructor(context, recorder, element) {
    Object.assign(this, { context, recorder, element, waiting: [] });
    recorder.port.onmessage = ({ data }) => {
      for (const wait of this.waiting) wait.push(data);
    };
  }

  /** Listens for `seconds` and resolves with the samples. */
  take(seconds) {
    const pieces = [];
    let missing = Math.round(seconds * 48000);
    return new Promise((resolve) => {
      const wait = {
        push: (piece) => {
          if (missing <= 0) return;
          pieces.push(piece);
          missing -= piece.length;
          if (missing > 0) return;
          this.waiting = this.waiting.filter((w) => w !== wait);
          resolve(joined(pieces));
        },
      };
      this.waiting.push(wait);
    });
  }

  close() {
    this.element.srcObject = null;
    return this.context.close();
  }
}

/** The same by the browser's own recorder: compressed once more, and decoded behind the fact. */
class RecordedEar {
  constructor(stream) {
    this.stream = stream;
  }

  async take(seconds) {
    const recorder = new MediaRecorder(this.stream);
    const pieces = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.start();
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    const stopped = new Promise((resolve) => { recorder.onstop = resolve; });
    recorder.stop();
    await stopped;
    const bytes = await new Blob(pieces).arrayBuffer();
    const decoded = await new OfflineAudioContext(1, 1, 48000).decodeAudioData(bytes);
    return Int16Array.from(decoded.getChannelData(0), (sample) => Math.max(-1, Math.min(1, sample)) * 32767);
  }

  close() {}
}

function joined(pieces) {
  const all = new Int16Array(pieces.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
