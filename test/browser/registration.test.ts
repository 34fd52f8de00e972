/**
 * Registration of JsSIP and SIP.js, unmodified, in Chromium (RFC 3261 §10, RFC 5626): challenge,
 * intervals, refresh, withdrawal, and what a reload of the page does to the device and its call.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import type { Status } from "../../gateway/b2bua/status.ts";
import { CAROL, Company, HUMS } from "../rigs/company.ts";
import { untilHeard } from "../rigs/listening.ts";
import { hasChromium, LIBRARIES } from "../rigs/softphones.ts";

const TEST_MS = 30_000;
const INSTANCE = "4c3e9b1a-7d52-4f0e-9a86-2b1c5d7e8f90";
let company: Company;

beforeAll(async () => {
  if (hasChromium) company = await Company.open();
}, TEST_MS);

afterEach(async () => {
  if (hasChromium) await company.clear();
});

afterAll(async () => {
  if (hasChromium) await company.close();
});

function bindingsOf(name: string): (status: Status) => Status["bindings"] {
  const id = company.userId(name);
  return ({ bindings }) => bindings.filter(({ user }) => user === id);
}

/** The value of a header; undefined without one. */
function header(message: string | undefined, name: string): string | undefined {
  return new RegExp(`^${name}: (.*?)\\r$`, "m").exec(message ?? "")?.[1];
}

describe.skipIf(!hasChromium).each(LIBRARIES)("%s", (library) => {
  test(
    "registers over one challenge, and withdraws",
    async () => {
      const alice = await company.softphone(library, "alice");
      const ofAlice = bindingsOf("alice");
      expect(ofAlice(await company.gateway.status())).toHaveLength(1);
      const answers = await alice.untilPassed(/^< SIP\/2\.0 .*\r\nCSeq: \d+ REGISTER/s, 2);
      expect(answers.map((it) => it.slice(10, 13))).toEqual(["401", "200"]);
      const challenge = header(answers[0], "WWW-Authenticate");
      expect(challenge).toMatch(/^Digest realm="jackfield", .*algorithm=MD5, qop="auth"$/);
      expect(header(answers[1], "Contact")).toEndWith(";expires=300");

      await alice.act("unregister");
      await company.gateway.until("without alice", (status) => ofAlice(status).length === 0);
    },
    TEST_MS,
  );

  test(
    "asks for too short a time, takes what it is told, and refreshes before that is over",
    async () => {
      const alice = await company.page(library, "alice");
      // From here on the page's clock is ours; nothing of it reaches the gateway.
      await alice.tab.page.clock.install();
      await alice.start(company.settings("alice", { expires: 20 }));
      const [refusal] = await alice.untilPassed(/^< SIP\/2\.0 423/);
      expect(header(refusal, "Min-Expires")).toBe("60");
      const granted = (count: number) =>
        alice.untilPassed(/^< SIP\/2\.0 200.*CSeq: \d+ REGISTER/s, count);
      expect(await granted(1)).toHaveLength(1);
      await alice.tab.page.clock.fastForward(60_000);
      await granted(2);
      const requests = await alice.passed(/^> REGISTER/);
      const calls = new Set(requests.map((request) => header(request, "Call-ID")));
      expect(calls.size).toBe(1);
      expect(bindingsOf("alice")(await company.gateway.status())).toHaveLength(1);
    },
    TEST_MS,
  );

  test(
    "a wrong password is refused in a way the library understands",
    async () => {
      const alice = await company.page(library, "alice");
      const settings = { ...company.settings("alice"), password: "not alice's" };
      await expect(alice.start(settings)).rejects.toThrow(/403|401|Authentication Error|Rejected/);
      expect(bindingsOf("alice")(await company.gateway.status())).toHaveLength(0);
    },
    TEST_MS,
  );

  test(
    "a reloaded page is the same device, and a call that it forgot comes to an end",
    async () => {
      const settings = company.settings("alice", { instance: INSTANCE });
      const alice = await company.page(library, "alice");
      await alice.start(settings);
      const ofAlice = bindingsOf("alice");
      const [before] = ofAlice(await company.gateway.status());
      const { line: carol } = await company.callOut(alice, CAROL);
      await untilHeard(alice, HUMS.carol);

      await alice.reload();
      await alice.start(settings);
      const after = ofAlice(await company.gateway.status());
      expect(after).toHaveLength(1);
      expect(after[0]?.remote).not.toBe(before?.remote);
      // The BYE goes to the new page, which knows no such call: that is its end as well.
      await carol.hangUp();
      await company.free();

      // The device works: it takes the next call.
      const next = company.pbx.call(company.gateway.sipPort, "alice", HUMS.caller);
      await alice.untilLine(0, "ringing");
      await alice.act("answer", 0);
      await untilHeard((await next).phone, HUMS.alice);
    },
    TEST_MS,
  );
});
