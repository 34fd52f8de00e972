/** Ports for programs that can't be asked which one the system gave them. */

const HOST = "127.0.0.1";
/** Below those a system gives by itself: what asks for any port doesn't take it in between. */
const [FIRST, COUNT] = [21_000, 6_000];

/** One of 127.0.0.1's that nobody has for UDP or TCP now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  try {
    const udp = await Bun.udpSocket({ hostname: HOST, port });
    udp.close();
    Bun.listen({ hostname: HOST, port, socket: { data: () => {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
