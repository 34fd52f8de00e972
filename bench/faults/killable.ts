/**
 * Loaded before the gateway's own code where the bench kills its media: SIGUSR2 ends a media worker in
 * the middle of whatever it does, each time the one that was started longest ago.
 */
import { isMainThread } from "node:worker_threads";

if (isMainThread) {
  const workers: Worker[] = [];
  const Real = globalThis.Worker;
  globalThis.Worker = class extends Real {
    constructor(...args: ConstructorParameters<typeof Real>) {
      super(...args);
      // The database has a worker as well.
      if (!String(args[0]).includes("media/worker")) return;
      workers.push(this);
      this.addEventListener("close", () => {
        const at = workers.indexOf(this);
        if (at >= 0) workers.splice(at, 1);
      });
    }
  };
  process.on("SIGUSR2", () => workers.shift()?.terminate());
}
