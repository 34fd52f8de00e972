/** RFC 4028 alone: who refreshes, when, what is too short, and when the session is given up. */
import { expect, test } from "bun:test";
import { createRequest, createResponse } from "../../../gateway/sip/build.ts";
import { SessionTimer, sessionExpires } from "../../../gateway/sip/session-timer.ts";

const plain = (uri: string) => ({ uri, params: new Map<string, string | undefined>() });

function request(headers: [string, string][]) {
  return createRequest({
    method: "UPDATE",
    uri: "sip:a@b",
    from: plain("sip:a@b"),
    to: plain("sip:c@d"),
    callId: "1",
    cseq: 1,
    headers,
  });
}

const answer = (headers: [string, string][], status = 200) =>
  createResponse(request([]), status, { headers });

test("the header: interval and refresher, also compact, and nothing of what is malformed", () => {
  expect(sessionExpires(request([["Session-Expires", "90"]]))).toEqual({
    interval: 90,
    refresher: undefined,
  });
  expect(sessionExpires(request([["x", "1800 ; Refresher=UAC"]]))).toEqual({
    interval: 1_800,
    refresher: "uac",
  });
  for (const bad of ["", "soon", "-5", "12345678901"]) {
    expect(sessionExpires(request([["Session-Expires", bad]]))).toBeUndefined();
  }
});

test("E2.8: a softphone's 90 s are kept, and we are the refresher at half of them", () => {
  const timer = new SessionTimer();
  const headers = timer.answer(
    request([
      ["Session-Expires", "90"],
      ["Supported", "timer"],
    ]),
    1_000,
  );
  expect(headers).toEqual([["Session-Expires", "90;refresher=uas"]]);
  expect(timer.interval).toBe(90);
  expect(timer.deadline()).toBe(46_000);
  expect(timer.takeDue(46_000)).toBe("refresh");
  expect(timer.takeDue(90_999)).toBeUndefined();
  expect(timer.takeDue(91_000)).toBe("expired");
  expect(timer.deadline()).toBeUndefined();
});

test("a peer that wants to refresh does, and is given up a margin before the end (§10)", () => {
  const timer = new SessionTimer();
  const headers = timer.answer(
    request([
      ["Session-Expires", "1800;refresher=uac"],
      ["Supported", "timer"],
    ]),
    0,
  );
  expect(headers).toEqual([
    ["Require", "timer"],
    ["Session-Expires", "1800;refresher=uac"],
  ]);
  expect(timer.deadline()).toBe((1_800 - 32) * 1_000);
});

test("§9: who can't keep a timer need not; who says nothing is refreshed by us or not at all", () => {
  const timer = new SessionTimer();
  expect(timer.answer(request([["Session-Expires", "600;refresher=uac"]]), 0)).toEqual([
    ["Session-Expires", "600;refresher=uas"],
  ]);
  expect(timer.answer(request([["Supported", "timer"]]), 0)).toEqual([
    ["Session-Expires", "1800;refresher=uas"],
  ]);
  expect(timer.answer(request([]), 0)).toEqual([]);
  expect(timer.interval).toBeUndefined();
});

test("R13: a peer that keeps no timer is asked each quarter of an hour, and never given up for it", () => {
  const timer = new SessionTimer();
  timer.answer(request([]), 0);
  for (const at of [900_000, 1_800_000, 2_700_000]) {
    expect(timer.deadline()).toBe(at);
    expect(timer.takeDue(at)).toBe("probe");
  }
  timer.stop();
  expect(timer.deadline()).toBeUndefined();
});

test("our own request: what the 2xx says counts, and without the header there is no timer", () => {
  const timer = new SessionTimer();
  expect(timer.requestHeaders()).toEqual([
    ["Session-Expires", "1800;refresher=uac"],
    ["Min-SE", "90"],
  ]);
  timer.answered(answer([["Session-Expires", "600;refresher=uas"]]), 0);
  expect(timer.takeDue(300_000)).toBeUndefined();
  expect(timer.takeDue(568_000)).toBe("expired");
  timer.answered(answer([["Session-Expires", "600;refresher=uac"]]), 0);
  expect(timer.takeDue(300_000)).toBe("refresh");
  timer.answered(answer([]), 300_000);
  expect(timer.interval).toBeUndefined();
  expect(timer.deadline()).toBe(1_200_000);
  expect(timer.takeDue(1_199_999)).toBeUndefined();
  expect(timer.takeDue(1_200_000)).toBe("probe");
});

test("a 422 raises what we ask for, once per value; nonsense raises nothing", () => {
  const timer = new SessionTimer();
  expect(timer.raise(answer([["Min-SE", "3600"]], 422))).toBe(true);
  expect(timer.requestHeaders()[0]).toEqual(["Session-Expires", "3600;refresher=uac"]);
  expect(timer.raise(answer([["Min-SE", "3600"]], 422))).toBe(false);
  expect(timer.raise(answer([["Min-SE", "999999"]], 422))).toBe(false);
  expect(timer.raise(answer([], 422))).toBe(false);
});

test("too short an interval is refused only to those who understand the 422", () => {
  const timer = new SessionTimer();
  const short: [string, string] = ["Session-Expires", "60"];
  expect(timer.isTooShort(request([short, ["Supported", "timer"]]))).toBe(true);
  expect(timer.isTooShort(request([short]))).toBe(false);
  expect(timer.isTooShort(request([["Supported", "timer"]]))).toBe(false);
});
