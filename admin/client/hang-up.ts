/** Ending a call from a page. */
import { ApiError, api } from "./api.ts";
import { attempt, confirmed } from "./notify.ts";

/** Asks `title` first. A call that is over by now is what was wanted. */
export async function hangUp(call: string, title: string): Promise<void> {
  if (!(await confirmed({ title, yes: "Hang up", isDangerous: true }))) return;
  await attempt(async () => {
    try {
      await api("DELETE", `/calls/${encodeURIComponent(call)}`);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
    }
  });
}
