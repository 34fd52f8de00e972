/** The choice of microphone and loudspeaker. */
import { byId, h } from "../dom.ts";
import type { Phone } from "./phone.ts";
import type { Sound } from "./sound.ts";

type Kind = "microphone" | "speaker";

export function startDevices(sound: Sound, phone: () => Phone | undefined): void {
  const fill = (kind: Kind, devices: readonly MediaDeviceInfo[]) => {
    const select = byId<HTMLSelectElement>(kind);
    const named = devices.filter(({ deviceId }) => deviceId !== "" && deviceId !== "default");
    select.replaceChildren(
      h("option", { value: "" }, "As the system says"),
      ...named.map(({ deviceId, label }, index) =>
        h(
          "option",
          { value: deviceId, selected: sound.chosen[kind] === deviceId },
          label || `Number ${index + 1}`,
        ),
      ),
    );
    select.closest("label")?.toggleAttribute("hidden", kind === "speaker" && named.length === 0);
  };
  const refresh = async () => {
    const { microphones, speakers } = await sound.devices();
    fill("microphone", microphones);
    fill("speaker", speakers);
  };
  byId("microphone").addEventListener("change", async ({ target }) => {
    sound.choose({ microphone: (target as HTMLSelectElement).value });
    const active = phone()?.lines.filter(({ state }) => state === "connected") ?? [];
    for (const line of active) {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: sound.microphone });
      const [track] = stream.getAudioTracks();
      if (track) await line.speakInto(track);
    }
  });
  byId("speaker").addEventListener("change", ({ target }) => {
    sound.choose({ speaker: (target as HTMLSelectElement).value });
  });
  navigator.mediaDevices?.addEventListener("devicechange", () => void refresh());
  byId("sound").addEventListener("toggle", () => void refresh());
}
