/** /api/v1/calls/:id: all that is known of a call, its ladder, and both as files to send around. */
import { type Context, Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import type { CallReport } from "../../gateway/b2bua/call-trace.ts";
import { captureOf } from "../evidence/capture.ts";
import { ladderOf } from "../evidence/ladder.ts";
import { traceText } from "../evidence/trace-text.ts";
import { refuse } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers } from "./resource.ts";

const tags = ["calls"];
const GONE = "there is no such call, or it made room for newer ones";

const finding = z.object({
  cause: z.string().describe("A stable name"),
  sentence: z.string(),
  suggestion: z.string(),
  field: z.object({ connection: z.number(), path: z.string() }).optional(),
  weight: z.enum(["fine", "note", "fault"]),
});
const reportShape = z
  .looseObject({
    status: z.looseObject({ id: z.string() }).optional().describe("While it runs"),
    record: z.looseObject({ id: z.string() }).optional().describe("Once it is over"),
    findings: finding.array().describe("Why it went as it did, the most telling first"),
    trace: z.looseObject({ id: z.string() }).optional().describe("Parties, messages, decisions"),
  })
  .meta({ id: "CallReport" });
const ladderShape = z
  .looseObject({
    columns: z.looseObject({ name: z.string() }).array(),
    rows: z.looseObject({ label: z.string() }).array(),
  })
  .meta({ id: "Ladder" });

/** From memory, else what its record tells; undefined where neither is. */
export async function reportOf(
  { gateway, records }: Services,
  id: string,
): Promise<CallReport | undefined> {
  const report = gateway.calls.report(id);
  if (report) return report;
  const record = await records.one(id);
  return record && { record, findings: record.finding ? [record.finding] : [] };
}

export function callEvidence(services: Services): Hono<AdminEnv> {
  const wanted = (context: Context) => reportOf(services, context.req.param("id") ?? "");
  return new Hono<AdminEnv>()
    .get(
      "/refused",
      describeRoute({
        tags,
        summary: "The latest calls of strangers who were refused; kept in memory alone",
        responses: answers(z.looseObject({ id: z.string() }).array()),
      }),
      (context) => context.json(services.gateway.calls.strangers()),
    )
    .get(
      "/:id",
      describeRoute({
        tags,
        summary: "One call: why it went as it did, decisions, messages of both sides, media",
        responses: answers(reportShape),
      }),
      async (context) => {
        const report = await wanted(context);
        return report ? context.json(report) : refuse(context, 404, GONE);
      },
    )
    .get(
      "/:id/ladder",
      describeRoute({ tags, summary: "Its messages as a ladder", responses: answers(ladderShape) }),
      async (context) => {
        const trace = (await wanted(context))?.trace;
        return trace ? context.json(ladderOf(trace)) : refuse(context, 404, GONE);
      },
    )
    .get(
      "/:id/text",
      describeRoute({ tags, summary: "All of it as text", responses: answers(undefined) }),
      async (context) => {
        const report = await wanted(context);
        if (!report) return refuse(context, 404, GONE);
        return file(context, "txt", "text/plain; charset=utf-8", traceText(report));
      },
    )
    .get(
      "/:id/pcap",
      describeRoute({
        tags,
        summary: "Its messages as a capture file, for Wireshark and the like",
        responses: answers(undefined),
      }),
      async (context) => {
        const trace = (await wanted(context))?.trace;
        if (!trace) return refuse(context, 404, GONE);
        return file(context, "pcap", "application/vnd.tcpdump.pcap", captureOf(trace));
      },
    );
}

/** Ids are ours: letters and digits. */
function file(
  context: Context,
  ending: string,
  type: string,
  body: string | Uint8Array<ArrayBuffer>,
) {
  const name = `call-${(context.req.param("id") ?? "").replace(/[^\w-]/g, "")}.${ending}`;
  return context.body(body, 200, {
    "Content-Type": type,
    "Content-Disposition": `attachment; filename="${name}"`,
  });
}
