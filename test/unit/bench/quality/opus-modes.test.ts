import { expect, test } from "bun:test";
import { OPUS_WAYS, scoreOf } from "../../../../bench/quality/opus-modes.ts";
import { OpusPolicy } from "../../../../gateway/media/opus-policy.ts";
import { loadCodecs } from "../../../../media-wasm/codec.ts";

const codecs = await loadCodecs();

function scores(loss: number) {
  const of = (mode: string) => {
    const way = OPUS_WAYS.find(({ options }) => options.mode === mode);
    if (!way) throw new Error(`no ${mode}`);
    return scoreOf(codecs, way, { loss, burst: 1 });
  };
  return { lowDelay: of("low-delay"), resilient: of("resilient") };
}

/** What the policy takes for a softphone that reports so much loss and goes on doing so. */
function modeAt(loss: number): string {
  const policy = new OpusPolicy();
  for (let report = 0; report < 10; report++) policy.reported(loss, true);
  return policy.mode;
}

test("CELT is taken where it sounds at least as good: nothing lost, and one packet in fifty", () => {
  for (const loss of [0, 0.02]) {
    const { lowDelay, resilient } = scores(loss);
    expect(lowDelay.stoi).toBeGreaterThanOrEqual(resilient.stoi);
    expect(lowDelay.snrDb).toBeGreaterThan(resilient.snrDb);
    expect(modeAt(loss)).toBe("low-delay");
  }
  expect(scores(0).lowDelay.stoi).toBeGreaterThan(0.98);
});

test("FEC is taken where it is understood better: one in five lost", () => {
  const { lowDelay, resilient } = scores(0.2);
  expect(resilient.stoi).toBeGreaterThan(lowDelay.stoi + 0.01);
  expect(resilient.stoi).toBeGreaterThan(0.9);
  expect(modeAt(0.2)).toBe("resilient");
});
