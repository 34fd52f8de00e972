/** /api/v1/export and /api/v1/import: the configuration as one document (OPS-02, SEC-11). */
import { Hono } from "hono";
import { describeRoute } from "hono-openapi";
import { z } from "zod";
import { exportConfig } from "../../schema/export.ts";
import { PASSPHRASE_LENGTH_MIN } from "../../schema/sealed.ts";
import { exportShape, importDocument } from "../import-document.ts";
import { refusalOf } from "../refusal.ts";
import type { AdminEnv, Services } from "../services.ts";
import { answers, jsonBody } from "./resource.ts";

const tags = ["export and import"];
const FILE_NAME = "jackfield-export.json";

const exportBody = z
  .strictObject({
    passphrase: z
      .string()
      .min(PASSPHRASE_LENGTH_MIN)
      .max(1_024)
      .describe("The secrets are sealed with it (AES-256-GCM, scrypt)"),
  })
  .meta({ id: "ExportInput" });

const importBody = z
  .strictObject({
    document: z.unknown().describe("What an export gave, or the same by hand"),
    passphrase: z.string().max(1_024).optional().describe("Opens the document's secrets"),
    mode: z
      .enum(["merge", "replace"])
      .default("merge")
      .describe("replace: what the document doesn't have is deleted"),
    apply: z.boolean().default(false).describe("false: nothing is done, only told"),
    revision: z
      .number()
      .int()
      .optional()
      .describe("That of the trial: 412 where something was changed since"),
  })
  .meta({ id: "ImportInput" });

const problem = z.object({ path: z.string(), message: z.string() });
const change = z.looseObject({ kind: z.string(), name: z.string() });
const importShape = z
  .object({
    applied: z.boolean(),
    created: z.array(change),
    changed: z.array(change),
    deleted: z.array(change),
    problems: z.array(problem),
    warnings: z.array(problem),
    revision: z.number(),
  })
  .meta({ id: "ImportResult" });

export function configurationExport({ store, audit }: Services): Hono<AdminEnv> {
  return new Hono<AdminEnv>()
    .get(
      "/",
      describeRoute({
        tags,
        summary: "The whole configuration, without secrets",
        responses: answers(exportShape),
      }),
      async (context) => {
        context.header("Content-Disposition", `attachment; filename="${FILE_NAME}"`);
        return context.json(await exportConfig(await store.load()));
      },
    )
    .post(
      "/",
      describeRoute({
        tags,
        summary: "The same with its secrets, sealed by a passphrase",
        responses: answers(exportShape),
      }),
      jsonBody(exportBody),
      async (context) => {
        const { passphrase } = context.req.valid("json");
        const document = await exportConfig(await store.load(), passphrase);
        await audit.add(context.get("actor"), { action: "export-secrets" });
        return context.json(document);
      },
    );
}

export function configurationImport({ store, gateway }: Services): Hono<AdminEnv> {
  return new Hono<AdminEnv>().post(
    "/",
    describeRoute({
      tags,
      summary: "Take a document over, or tell what that would do",
      description: "All of it or nothing. Users and connections are known by their names.",
      responses: answers(importShape),
    }),
    jsonBody(importBody),
    async (context) => {
      const { document, apply, ...rest } = context.req.valid("json");
      const options = { ...rest, isTrial: !apply };
      const result = await importDocument(store, document, context.get("actor"), options);
      const { config, ...told } = result;
      const applied = apply && told.problems.length === 0;
      if (applied) gateway.apply(config);
      if (!apply || applied) return context.json({ applied, ...told });
      // The same as a trial tells, and a refusal like any other.
      const error = refusalOf(422, "the document can't be imported", told.problems);
      return context.json({ applied, ...told, error }, 422);
    },
  );
}
