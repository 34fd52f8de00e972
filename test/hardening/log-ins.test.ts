/**
 * W4 beside calls: two hundred addresses guess at passwords as fast as they are answered. Each has its
 * five tries, which cost argon2id's time on threads of their own, and the calls are heard as before.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { Agent, request } from "node:http";
import { GeneratorProcess } from "../../bench/load/generator-process.ts";
import { areHeard, callsBeside, prepareCalls } from "../rigs/calls-beside.ts";
import { GatewayRig } from "../rigs/gateway.ts";
import { scaled } from "../rigs/scale.ts";

const PBX_PORT = 25_364;
const ALICE = { user: "alice", password: "alice-password" };
const TRIES = 5;
const AT_ONCE = 8;
const isFull = process.env["JACKFIELD_SCALE"] === "1";

let gateway: GatewayRig;
let generator: GeneratorProcess;

beforeAll(async () => {
  gateway = await GatewayRig.start({ rtpPorts: "36000-36399" });
  generator = await GeneratorProcess.start();
  await prepareCalls(gateway, { pbxPort: PBX_PORT, ...ALICE });
});

afterAll(async () => {
  await generator?.stop();
  await gateway?.stop();
});

const agent = new Agent({ keepAlive: true, maxSockets: 2 });

/** One guess by the form, as a browser there sends it; the status of the answer. */
function guess(localAddress: string, password: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = { "Content-Type": "application/x-www-form-urlencoded", Origin: gateway.url };
  const sent = request(
    `${gateway.url}/login`,
    { method: "POST", agent, localAddress, headers },
    (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)),
  );
  sent.on("error", reject).end(new URLSearchParams({ password }).toString());
  return promise;
}

test("W4: log-ins are guessed at from two hundred addresses, and the calls are heard", async () => {
  const calls = scaled("W4 calls", 50, 0.12);
  const seconds = scaled("W4 seconds", 60, 0.1);
  const addresses = scaled("W4 addresses", 200, 0.03);
  const attempts = scaled("W4 attempts beside calls", 10_000, 0.1);
  const load = { calls, seconds, pbxPort: PBX_PORT, ...ALICE };
  const { run, outcome } = await callsBeside(gateway, generator, load, async () => {
    const statuses: number[] = [];
    const until = performance.now() + 1_000 * (seconds - 1);
    let made = 0;
    const guesser = async () => {
      while (made < attempts && performance.now() < until) {
        const index = made++;
        const address = `127.77.0.${1 + Math.floor((index * addresses) / attempts)}`;
        statuses.push(await guess(address, `guess ${index}`));
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, guesser));
    return statuses;
  });
  agent.destroy();
  const count = (status: number) => outcome.filter((it) => it === status).length;
  console.log(`W4: ${outcome.length} guesses, ${count(401)} tried, ${count(429)} sent away`);
  expect(count(401) + count(429)).toBe(outcome.length);
  expect(Math.min(count(401), count(429))).toBeGreaterThan(0);
  expect(count(401)).toBeLessThanOrEqual(TRIES * addresses);
  areHeard("W4", run, calls, isFull ? 0.001 : 0.02);
}, 180_000);
