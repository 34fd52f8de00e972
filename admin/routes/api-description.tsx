/** @jsxImportSource hono/jsx */
/** /api/openapi.json, made of the routes themselves, and /api, the same to read. */
import { Hono } from "hono";
import { generateSpecs } from "hono-openapi";
import { VERSION } from "../../gateway/version.ts";
import type { AdminEnv } from "../services.ts";
import { ApiPage } from "../views/api.tsx";
import { page } from "../views/page.tsx";

export function apiDescription(described: Hono<AdminEnv>): Hono<AdminEnv> {
  const document = () =>
    generateSpecs(described, {
      documentation: {
        info: {
          title: "Jackfield",
          version: VERSION,
          description: "Configuration and status of the gateway",
        },
        components: { securitySchemes: { token: { type: "http", scheme: "bearer" } } },
        security: [{ token: [] }],
      },
    });
  return new Hono<AdminEnv>()
    .get("/openapi.json", async (context) => context.json(await document()))
    .get("/", async (context) => {
      const { paths } = await document();
      return page(context, <ApiPage paths={paths as Parameters<typeof ApiPage>[0]["paths"]} />);
    });
}
