/** The table of calls in progress, as the dashboard and the calls' page show it. */
import type { CallStatus } from "../../gateway/b2bua/status.ts";
import { badge, h, note } from "./dom.ts";
import { hangUp } from "./hang-up.ts";
import { may } from "./role.ts";
import { keyedRows, type Rows } from "./rows.ts";
import { ago } from "./time.ts";
import { CALL_STATES, MODES, soundOf } from "./words.ts";

/** Columns: from, to, state, audio, MOS, time, buttons. */
export function liveCalls(id: string): Rows<CallStatus> {
  const mayOperate = may("operator");
  return keyedRows<CallStatus>({
    id,
    key: (call) => call.id,
    cells: (call) => [
      mayOperate
        ? [h("a", { href: `/calls/${encodeURIComponent(call.id)}` }, call.caller)]
        : call.caller,
      call.callee,
      [badge(...CALL_STATES[call.state])],
      [...audio(call)],
      [mos(call)],
      [ago(call.answered ?? call.started, "duration")],
      mayOperate
        ? [
            h(
              "button",
              { type: "button", class: "button small danger", "data-action": "hangUp" },
              "Hang up",
            ),
          ]
        : "",
    ],
    actions: {
      hangUp: ({ id, caller, callee }) =>
        void hangUp(id, `Hang up the call from ${caller} to ${callee}?`),
    },
  });
}

/** The codecs of both sides, what is done between them, and whether the PBX's side is protected. */
function audio({ codecs, mode, trunkEncryption }: CallStatus): (string | HTMLElement)[] {
  const both = codecs ? `${codecs.webrtc} ↔ ${codecs.trunk}` : "–";
  const isProtected = trunkEncryption !== undefined && trunkEncryption !== "none";
  const parts = [mode && MODES[mode], isProtected && `SRTP (${trunkEncryption})`].filter(Boolean);
  return parts.length > 0 ? [both, note(parts.join(", "))] : [both];
}

function mos({ quality }: CallStatus): string | HTMLElement {
  const sound = soundOf(quality);
  if (!sound) return "–";
  const element = badge(sound.tone, sound.mos.toFixed(1));
  element.title = sound.details;
  return element;
}
