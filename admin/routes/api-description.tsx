/** @jsxImportSource hono/jsx */
/** /api/openapi.json, made of the routes themselves, and /api, the same to read. */
import { Hono } from "hono";
import { generateSpecs } from "hono-openapi";
import { VERSION } from "../../gateway/version.ts";
import { PERMISSIONS } from "../permissions.ts";
import type { AdminEnv } from "../services.ts";
import { ApiPage } from "../views/api.tsx";
import { page } from "../views/page.tsx";

type ApiProps = Omit<Parameters<typeof ApiPage>[0], "neededFor">;

/** By the one table of who may what. */
function neededFor(route: string): string | undefined {
  return PERMISSIONS[route.replace(/\{(\w+)\}/g, ":$1")];
}

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
      const { paths, components } = await document();
      const props = { paths, schemas: components?.schemas } as unknown as ApiProps;
      return page(context, <ApiPage {...props} neededFor={neededFor} />);
    });
}
