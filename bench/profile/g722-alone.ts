/** G.722 and nothing else, until it is compiled: what its functions are called in a JIT dump. */
import { loadG722 } from "../../media-wasm/g722/g722.ts";
import { recordedSpeech } from "../audio/speech.ts";

const g722 = await loadG722();
const [encoder, decoder] = [g722.encoder(), g722.decoder()];
const { pcm } = recordedSpeech("ships");
for (let round = 0; round < 20; round++) {
  for (let at = 0; at + 320 <= pcm.length; at += 320) {
    decoder.decode(encoder.encode(pcm.subarray(at, at + 320)));
  }
  await Bun.sleep(10);
}
