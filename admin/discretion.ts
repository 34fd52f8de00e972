/**
 * Whom people call is nobody's business who only looks whether it goes well: a viewer is told of
 * calls, and not the numbers. Names of users stay, and so do short numbers of the house.
 */
import type { CallRecord, CallStatus, Finding, Status } from "../gateway/b2bua/status.ts";
import { type Role, suffices } from "../schema/roles.ts";
import { type Settings, withoutPath } from "../schema/settings.ts";

/** Four digits and more, however they are grouped. */
const NUMBER = /\+?\d(?:[ ()./-]{0,2}\d){3,}/g;
const LAST_DIGITS = 2;

/** `+442079460000` is `•••00`. */
export function withoutNumbers(text: string): string {
  return text.replace(NUMBER, (number) => `•••${number.slice(-LAST_DIGITS)}`);
}

/** Of a call, one that runs or one that ended, what somebody of that role may know. */
export function callFor<Call extends CallStatus | CallRecord>(role: Role, call: Call): Call {
  if (suffices(role, "operator")) return call;
  const { caller, callee, notices } = call;
  const { reason, finding } = call as Partial<CallRecord>;
  return {
    ...call,
    caller: withoutNumbers(caller),
    callee: withoutNumbers(callee),
    ...(notices ? { notices: notices.map(withoutNumbers) } : {}),
    ...(reason === undefined ? {} : { reason: withoutNumbers(reason) }),
    ...(finding ? { finding: findingFor(finding) } : {}),
  };
}

export function statusFor(role: Role, status: Status): Status {
  if (suffices(role, "operator")) return status;
  return { ...status, calls: status.calls.map((call) => callFor(role, call)) };
}

/** Of a web hook only an admin sees more than its host: its path is often the key to it. */
export function settingsFor(role: Role, settings: Settings): Settings {
  const { alerts } = settings;
  if (suffices(role, "admin") || alerts?.webhook === undefined) return settings;
  return { ...settings, alerts: { ...alerts, webhook: withoutPath(alerts.webhook) } };
}

function findingFor(finding: Finding): Finding {
  const { sentence, suggestion } = finding;
  return {
    ...finding,
    sentence: withoutNumbers(sentence),
    suggestion: withoutNumbers(suggestion),
  };
}
