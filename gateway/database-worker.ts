/** Program 3: the database's thread, so that neither disk nor lock holds a call up (D5). */
import { type DatabaseRequest, databaseThread } from "../schema/database-thread.ts";

declare const self: Worker;

const answer = databaseThread();

self.onmessage = ({ data }: MessageEvent<DatabaseRequest & { id: number }>) => {
  self.postMessage(answer(data));
};
