// Forwards microphone samples to the engine in chunks of 1,024, from a fixed pool of buffers that the
// engine gives back. Runs on the audio thread: process() allocates nothing and computes nothing.
// When every buffer is out, samples are dropped; the hole in `seq` tells the engine.

const CHUNK = 1024;
const BUFFERS = 64;

class PcmForwarder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.engine = null;
    this.pool = Array.from({ length: BUFFERS }, () => new Float32Array(CHUNK));
    this.buffer = null;
    this.filled = 0;
    this.seq = 0;
    /** The frame that comes next, once there was one. */
    this.next = 0;
    // The page sends the port to the engine, once.
    this.port.onmessage = ({ ports }) => {
      this.engine = ports[0];
      this.engine.onmessage = ({ data }) => this.pool.push(new Float32Array(data));
    };
  }

  process(inputs) {
    const samples = inputs[0][0];
    if (this.engine && samples) this.forward(samples);
    return true;
  }

  forward(samples) {
    // A device that was unplugged and came back.
    const missed = this.next === 0 ? 0 : currentFrame - this.next;
    if (missed >= CHUNK) this.seq += Math.floor(missed / CHUNK);
    this.next = currentFrame + samples.length;
    for (let read = 0; read < samples.length; ) {
      if (this.filled === 0) this.buffer = this.pool.pop() ?? null;
      const room = Math.min(CHUNK - this.filled, samples.length - read);
      if (this.buffer) {
        for (let i = 0; i < room; i++) this.buffer[this.filled + i] = samples[read + i];
      }
      this.filled += room;
      read += room;
      if (this.filled === CHUNK) this.post();
    }
  }

  post() {
    if (this.buffer) {
      const chunk = { seq: this.seq, channels: 1, samples: this.buffer };
      this.engine.postMessage(chunk, [this.buffer.buffer]);
    }
    this.seq += 1;
    this.filled = 0;
    this.buffer = null;
  }
}

registerProcessor("pcm-forwarder", PcmForwarder);
