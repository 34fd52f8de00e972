/** The other three machines of RFC 3261 §17, in virtual time. */
import { expect, test } from "bun:test";
import { InviteServerTransaction } from "../../../gateway/sip/invite-server-transaction.ts";
import { NonInviteClientTransaction } from "../../../gateway/sip/non-invite-client-transaction.ts";
import { NonInviteServerTransaction } from "../../../gateway/sip/non-invite-server-transaction.ts";
import { runTimers } from "../../sim/clock.ts";

const timesOf = (log: { at: number; action: string }[], action: string) =>
  log.filter((entry) => entry.action === action).map(({ at }) => at);

test("§17.1.2: a non-INVITE is repeated at 0.5, 1.5, 3.5 s and then each 4 s, and given up at 32 s", () => {
  const log = runTimers(new NonInviteClientTransaction(false, 0));
  expect(timesOf(log, "sendRequest")).toEqual([
    500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
  ]);
  expect(log.at(-1)).toEqual({ at: 32_000, action: "reportTimeout" });
});

test("§17.1.2: in Proceeding it is repeated each 4 s and still given up at 32 s", () => {
  const transaction = new NonInviteClientTransaction(false, 0);
  transaction.handle("provisional", 100);
  const log = runTimers(transaction);
  expect(timesOf(log, "sendRequest")).toEqual([
    4_100, 8_100, 12_100, 16_100, 20_100, 24_100, 28_100,
  ]);
  expect(log.at(-1)).toEqual({ at: 32_000, action: "reportTimeout" });
});

test("§17.1.2: Completed absorbs repeated answers for 5 s", () => {
  const transaction = new NonInviteClientTransaction(false, 0);
  expect(transaction.handle("final", 10)).toEqual(["passUp"]);
  expect(transaction.handle("final", 20)).toEqual([]);
  expect(transaction.deadline()).toBe(5_010);
});

test("§17.2.1: 100 goes out after 200 ms unless something else did", () => {
  const silent = new InviteServerTransaction(false, 0);
  expect(silent.timeout(200)).toEqual(["sendTrying"]);
  const quick = new InviteServerTransaction(false, 0);
  quick.handle("provisional", 50);
  expect(quick.deadline()).toBeUndefined();
});

test("§17.2.1: a refusal is repeated until its ACK, over UDP alone", () => {
  const transaction = new InviteServerTransaction(false, 0);
  transaction.handle("failure", 0);
  const log = runTimers(transaction);
  expect(timesOf(log, "repeatResponse")).toEqual([
    500, 1_500, 3_500, 7_500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500,
  ]);
  expect(log.at(-1)).toEqual({ at: 32_000, action: "reportTimeout" });
  const acknowledged = new InviteServerTransaction(false, 0);
  acknowledged.handle("failure", 0);
  acknowledged.handle("ack", 10);
  expect(acknowledged.deadline()).toBe(5_010);
  const reliable = new InviteServerTransaction(true, 0);
  reliable.handle("failure", 0);
  expect(reliable.deadline()).toBe(32_000);
});

test("§13.3.1.4: a 2xx is repeated until its ACK, over every transport; then it is over or it is not", () => {
  const transaction = new InviteServerTransaction(true, 0);
  transaction.handle("success", 0);
  const log = runTimers(transaction);
  expect(timesOf(log, "repeatResponse").slice(0, 5)).toEqual([500, 1_500, 3_500, 7_500, 11_500]);
  expect(log.at(-1)).toEqual({ at: 32_000, action: "reportUnacknowledged" });
  const acknowledged = new InviteServerTransaction(true, 0);
  acknowledged.handle("success", 0);
  expect(acknowledged.handle("ack", 10)).toEqual(["passAckUp"]);
  expect(acknowledged.handle("ack", 20)).toEqual([]);
  expect(runTimers(acknowledged)).toEqual([]);
});

test("S12: five hundred repetitions of an INVITE are answered with the last response, never handed up", () => {
  const transaction = new InviteServerTransaction(false, 0);
  transaction.handle("provisional", 0);
  for (let count = 0; count < 500; count++) {
    expect(transaction.handle("request", count)).toEqual(["repeatResponse"]);
  }
  transaction.handle("success", 600);
  expect(transaction.handle("request", 700)).toEqual([]);
});

test("§17.2.2: a repeated non-INVITE gets the answer it had, for 32 s", () => {
  const transaction = new NonInviteServerTransaction(false);
  expect(transaction.handle("request", 0)).toEqual([]);
  expect(transaction.handle("final", 10)).toEqual(["sendResponse"]);
  expect(transaction.handle("request", 500)).toEqual(["repeatResponse"]);
  expect(transaction.deadline()).toBe(32_010);
});
