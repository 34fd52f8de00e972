/**
 * X2 in virtual time: every call leaves its evidence, and the evidence says why it went as it did.
 * The real B2BUA with softphones and PBXs that behave as the case wants.
 */
import { expect, test } from "bun:test";
import type { CallReport } from "../../gateway/b2bua/call-trace.ts";
import type { CallRecord } from "../../gateway/b2bua/status.ts";
import type { Connection } from "../../schema/config.ts";
import { Desk, flowFrom } from "./desk.ts";
import { House } from "./house.ts";
import { configOf } from "./stage.ts";
import { PBX } from "./story.ts";

const FAIR = { loss: 0, duplication: 0, delayMaxMs: 10 };

function company(connection: Partial<Connection> = {}) {
  const house = new House(7, FAIR);
  const alice = house.softphone("alice");
  const pbx = house.pbx("PBX", PBX);
  house.configure(configOf({ name: "evidence", play: () => {}, connection }));
  house.connect(alice);
  alice.register();
  house.pass(1_000);
  return { house, alice, pbx };
}

function lastReport(house: House): CallReport & { record: CallRecord } {
  const record = house.records.at(-1);
  const report = record && house.b2bua.archive.report(record.id);
  if (!report?.record) throw new Error("no call has ended");
  return { ...report, record: report.record };
}

test("X2: an answered call keeps its decisions and both legs' messages, in order", () => {
  const { house, alice } = company();
  alice.call("sip:250@gateway");
  house.pass(3_000);
  const [live] = house.b2bua.status(house.now).calls;
  expect(
    house.b2bua.archive.report(live?.id ?? "")?.trace?.parties.map(({ name }) => name),
  ).toEqual(["alice", "PBX"]);
  alice.hangUp();
  house.pass(3_000);
  const { trace, findings, record } = lastReport(house);
  const lines = trace?.messages.map(({ direction, party, text }) => {
    return `${party} ${direction} ${text.slice(0, text.indexOf("\r\n")).replace(/ sip:\S+/, "")}`;
  });
  expect(lines?.filter((it) => it.startsWith("0")).slice(0, 4)).toEqual([
    "0 received INVITE SIP/2.0",
    "0 sent SIP/2.0 180 Ringing",
    "0 sent SIP/2.0 200 OK",
    "0 received ACK SIP/2.0",
  ]);
  expect(lines).toContain("1 sent INVITE SIP/2.0");
  expect(lines).toContain("1 received SIP/2.0 200 OK");
  expect(lines?.filter((it) => it.includes("BYE")).length).toBe(2);
  expect(trace?.decisions.map(({ about }) => about)).toEqual(
    expect.arrayContaining(["admission", "candidate", "route", "way", "end"]),
  );
  expect(findings[0]).toMatchObject({ cause: "hung-up", weight: "fine" });
  expect(record.finding).toMatchObject({ cause: "hung-up" });
});

test("X2, W11: the challenge before a call is part of it, and no secret is", () => {
  const desk = new Desk();
  const socket = desk.socket();
  desk.prove(socket, "alice", (headers) =>
    [
      "INVITE sip:250@10.0.0.1 SIP/2.0",
      `Via: SIP/2.0/WS a.invalid;branch=z9hG4bK${headers === "" ? 1 : 2}`,
      "From: <sip:alice@10.0.0.1>;tag=1",
      "To: <sip:250@10.0.0.1>",
      "Call-ID: alice-calls",
      `CSeq: ${headers === "" ? 1 : 2} INVITE`,
      "Max-Forwards: 70",
      "Contact: <sip:alice@a.invalid>",
      `${headers}Content-Length: 0`,
      "",
      "",
    ].join("\r\n"),
  );
  const [call] = desk.b2bua.status(desk.now).calls;
  const messages = desk.b2bua.archive.report(call?.id ?? "")?.trace?.messages ?? [];
  expect(messages.slice(0, 3).map(({ text }) => text.slice(0, 12))).toEqual([
    "INVITE sip:2",
    "SIP/2.0 407 ",
    "INVITE sip:2",
  ]);
  expect(messages[2]?.text).toContain('response="(masked)"');
  expect(messages[2]?.text).toContain("nonce=");
});

test("X2: what a PBX answers is told with its own words and the field that mends it", () => {
  const cases: [number, string, Partial<Connection>, string, string][] = [
    [488, "Not Acceptable Here", {}, "not-acceptable", "codecs"],
    [404, "Not Found", {}, "unknown-number", "patterns"],
    [403, "Forbidden", {}, "forbidden", "username"],
    [486, "Busy Here", {}, "busy", ""],
    [503, "Service Unavailable", {}, "pbx-error", "failoverGroup.name"],
  ];
  for (const [answer, phrase, connection, cause, path] of cases) {
    const { house, alice, pbx } = company(connection);
    pbx.manner = { answer, afterMs: 10, atOnce: true };
    alice.call("sip:250@gateway");
    house.pass(5_000);
    const [finding] = lastReport(house).findings;
    expect([cause, finding?.cause]).toEqual([cause, cause]);
    expect(finding?.sentence).toContain(answer === 488 ? "G722, PCMA" : phrase);
    if (path !== "") expect(finding?.field).toMatchObject({ connection: 1, path });
  }
});

test("X2: a number nobody has is a record with its reason, and a pattern that lost its backslash is named", () => {
  const { house, alice } = company({ patterns: [{ pattern: "^2d{2}$", strip: 0, prepend: "" }] });
  alice.call("sip:250@gateway");
  house.pass(3_000);
  const { record, findings, trace } = lastReport(house);
  expect(record).toMatchObject({ status: 404, caller: "alice", callee: "250", endedBy: "gateway" });
  expect(findings[0]).toMatchObject({
    cause: "pattern-lost-backslash",
    field: { connection: 1, path: "patterns" },
  });
  expect(trace?.messages.at(-1)?.text).toContain("ACK");
});

test("X2: a PBX that says nothing is told by how often it was asked in vain", () => {
  const { house, alice } = company();
  house.partitioned = true;
  alice.call("sip:250@gateway");
  house.pass(60_000);
  const { findings } = lastReport(house);
  expect(findings[0]?.cause).toBe("no-answer-at-all");
  expect(findings[0]?.sentence).toMatch(/answered nothing: the INVITE was sent \d+ times over UDP/);
});

test("X2: a stranger's call is kept where it pushes no call out, with the list that would let it in", () => {
  const desk = new Desk();
  const stranger = flowFrom("203.0.113.7");
  const invite = [
    "INVITE sip:100@10.0.0.1 SIP/2.0",
    "Via: SIP/2.0/UDP 203.0.113.7:5060;branch=z9hG4bKstranger",
    "From: <sip:900@203.0.113.7>;tag=1",
    "To: <sip:100@10.0.0.1>",
    "Call-ID: stranger@203.0.113.7",
    "CSeq: 1 INVITE",
    "Max-Forwards: 70",
    "Contact: <sip:900@203.0.113.7>",
    "User-Agent: <img src=x onerror=alert(1)>",
    "Content-Length: 0",
    "",
    "",
  ].join("\r\n");
  desk.say(stranger, invite);
  const [attempt] = desk.b2bua.archive.strangers();
  expect(attempt).toMatchObject({ caller: "900", callee: "100", status: 403 });
  const report = desk.b2bua.archive.report(attempt?.id ?? "");
  expect(report?.findings[0]).toMatchObject({ cause: "stranger" });
  expect(report?.trace?.messages.map(({ direction }) => direction)).toEqual(["received", "sent"]);
  expect(desk.outputs.some(({ type }) => type === "record")).toBe(false);
});
