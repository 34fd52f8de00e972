/** A microphone that hums one tone: who is heard is told apart by frequency. */

const LOUDNESS = 0.3;

let hertz = 440;
let context: AudioContext | undefined;
let own: MediaStream | undefined;

export function hum(frequencyHz: number): void {
  hertz = frequencyHz;
}

/**
 * In place of the browser's: the libraries ask for a microphone and get this one. The browser's own is
 * opened all the same, as Firefox tells a page that doesn't listen of no address but the default one.
 */
export function installMicrophone(): void {
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async () => {
    if (!own) own = await open({ audio: true });
    context ??= new AudioContext({ sampleRate: 48_000 });
    await context.resume();
    const oscillator = new OscillatorNode(context, { frequency: hertz });
    const volume = new GainNode(context, { gain: LOUDNESS });
    const microphone = context.createMediaStreamDestination();
    oscillator.connect(volume).connect(microphone);
    oscillator.start();
    return microphone.stream;
  };
}
